"""Invented names, attacks and rules, put together from syllables and phrases."""

from __future__ import annotations

from functools import lru_cache

from cardembed.cards.printer.dice import Dice

__all__ = ["ELEMENTS", "artist", "attack_name", "creature_name", "rule", "thing_name"]

ELEMENTS = (
    "ember",
    "tide",
    "grove",
    "spark",
    "mind",
    "stone",
    "shade",
    "steel",
    "drake",
    "charm",
    "frost",
    "plain",
)
"""The types of creature cards. Cards without a creature have the elements "item", "ally" and "place"."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HEADS = _words(
    "Ab Bra Bor Cal Cin Dra Dor El Fen Fer Gal Gor Hex Hal Ig Jor Ka Kel Lu Lor Mag Mir Mor Na Nim "
    "Nyx Or Os Pa Pyr Qua Quil Ra Rho Ru Sab Ser Sil Sol Ta Tor Thra Um Ur Va Vel Vor Wi Wyr Xan Xy "
    "Ya Yor Za Zeph Zu"
)
_MIDDLES = _words(
    "a an ar bi bo da di en er fa go i il ka ki la li lo ma mi mu na no o or ra ri ro sa ta te ti u va"
)
_TAILS = _words(
    "bat bell bite burr claw crest dax dle don drix fin fox gon horn ix kin la leaf ling lo lynx "
    "mander mite moth na nix pod puff quill ray ron rus sha spine tail than tle tor tusk vern vine "
    "wing wisp wolf x yx zel zor"
)
_SUFFIXES = (
    ("", 74.0),
    (" Prime", 7.0),
    (" VX", 7.0),
    (" Rex", 4.0),
    (" of Dawn", 3.0),
    (" of Dusk", 3.0),
    (" Lv.X", 2.0),
)
_FIRST = _words(
    "Arc Blaze Bone Comet Crag Crystal Dark Dawn Dream Dust Echo Feather Flare Frost Gale Ghost Glint "
    "Gravel Hail Hollow Iron Jade Leaf Lunar Magma Mind Mist Mud Night Prism Pulse Quake Rapid Razor "
    "Root Sand Shadow Silk Sky Solar Sonic Spark Star Steam Stone Storm Tail Thorn Thunder Tide Toxic "
    "Vine Void Wave Whip Wild Wing"
)
_SECOND = _words(
    "Ball Barrage Beam Bite Blast Bloom Burst Call Charge Chop Claw Coil Crash Cut Dance Dive Drain "
    "Drop Edge Fang Fist Flash Gaze Grip Guard Hammer Howl Hymn Jab Kick Lance Lash Needle Nova Orb "
    "Press Punch Ram Ray Ring Roar Rush Slam Slash Snare Song Spin Spiral Step Stomp Storm Strike "
    "Surge Swipe Toss Touch Turn Veil Volley Whirl"
)
_THINGS = _words(
    "Amulet Anchor Atlas Badge Banner Basket Battery Beacon Bell Berry Bomb Boots Bottle Bow Cape "
    "Charm Chest Clock Cloak Compass Crown Cube Device Disk Drone Feather Flask Flute Gauntlet Gear "
    "Gem Glove Goggles Hammer Helmet Horn Hourglass Key Kit Lamp Lens Letter Locket Machine Map Mask "
    "Mirror Net Orb Paddle Potion Radio Ring Rope Scroll Shield Stone Switch Tablet Talisman Ticket "
    "Tonic Torch Vial Wand Whistle"
)
_PLACES = _words(
    "Abyss Arena Bay Bridge Cavern City Cliffs Coast Court Dunes Falls Field Forest Garden Glacier "
    "Grotto Harbor Hill Island Lab Lagoon Lake Library Lighthouse Maze Mill Mine Oasis Observatory "
    "Palace Peak Port Quarry Reef Ruins School Shrine Spire Stadium Station Swamp Temple Tower Town "
    "Valley Village Volcano Woods"
)
_ALLIES = _words(
    "Alchemist Archer Artist Baker Botanist Captain Chef Clown Coach Dancer Diver Doctor Driver "
    "Duelist Engineer Explorer Farmer Fisher Gardener Guard Guide Hermit Hiker Judge Knight Lass "
    "Mayor Mechanic Medic Miner Monk Nurse Officer Painter Pilot Player Poet Porter Professor Ranger "
    "Rival Runner Sage Sailor Scout Singer Smith Student Tailor Teacher Trickster Twins Warden Witch"
)
_RULES = (
    "Flip a coin. If heads, this attack does {n} more damage.",
    "Discard {k} energy from this creature.",
    "Heal {n} damage from one of your creatures.",
    "Your opponent's active creature is now asleep.",
    "Your opponent's active creature is now poisoned.",
    "Draw {k} cards.",
    "Search your deck for {k} basic cards and shuffle.",
    "This attack does {n} damage for each energy attached.",
    "Switch this creature with one on your bench.",
    "During your opponent's next turn, prevent {n} damage.",
    "This attack also does {n} damage to each benched creature.",
    "Put {k} damage counters on any creature in play.",
    "If you have {k} or fewer cards in hand, draw a card.",
    "Look at the top {k} cards of your deck.",
    "This creature can't attack during your next turn.",
    "Choose {k} cards from your discard pile.",
)


def creature_name(dice: Dice) -> str:
    """A creature's name, such as "Thrakilynx" or "Nimora VX"."""
    middle = dice.pick(_MIDDLES) if dice.chance(0.6) else ""
    return dice.pick(_HEADS) + middle + dice.pick(_TAILS) + dice.weighted(_SUFFIXES)


def _person(dice: Dice) -> str:
    return dice.pick(_HEADS) + dice.pick(_MIDDLES) + dice.pick(("", "n", "s", "l", "ra"))


def thing_name(dice: Dice, element: str) -> str:
    """A name for an "item", an "ally" or a "place"."""
    if element == "item":
        return f"{dice.pick(_FIRST)} {dice.pick(_THINGS)}"
    if element == "ally":
        return (
            f"{_person(dice)}, {dice.pick(_ALLIES)}"
            if dice.chance(0.6)
            else f"{dice.pick(_FIRST)} {dice.pick(_ALLIES)}"
        )
    return f"{_person(dice)} {dice.pick(_PLACES)}"


def attack_name(dice: Dice) -> str:
    """An attack's name, such as "Razor Dive"."""
    return f"{dice.pick(_FIRST)} {dice.pick(_SECOND)}"


def rule(dice: Dice) -> str:
    """One sentence of rules."""
    return dice.pick(_RULES).format(n=10 * dice.whole(1, 9), k=dice.whole(2, 4))


@lru_cache(maxsize=128)
def _artist(number: int) -> str:
    dice = Dice("artist", number)
    return f"{dice.pick('ABCDEFGHIJKLMNOPRSTUVWYZ')}. {_person(dice)}"


def artist(dice: Dice) -> str:
    """The name of one of 97 illustrators."""
    return _artist(dice.below(97))
