import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def photo_set(tmp_path_factory, random_release):
    """Eight clean verdict photos, and one of everything that a plan cannot do without."""
    from cardembed.cards.catalogue import load_catalogue
    from cardembed.cards.photo_plan import PhotoPlan
    from cardembed.cards.photo_render import render_photo_set
    from cardembed.release import Release

    plan = PhotoPlan(
        clean=8, clean_second=0, occluded=0, glare=0, unknown=0, unknown_card=0, curve=0, size=(90, 126)
    )
    release = Release.load(random_release)
    return render_photo_set(
        load_catalogue("synthetic:5:12"),
        plan,
        split="verdict",
        seed=release.digest,
        out=tmp_path_factory.mktemp("device-photos") / "set",
        workers=1,
    )


@pytest.fixture(scope="session")
def asked(tmp_path_factory, random_release, photo_set):
    """A request for android and the stand-in's response to it: folders, to be copied and not changed."""
    from device_parts import answer, ask

    folder = tmp_path_factory.mktemp("exchange")
    record = ask(random_release, photo_set, folder / "request")
    answer(folder / "request", folder / "response")
    return record, folder


@pytest.fixture
def exchange(asked, tmp_path):
    """The same exchange, to be spoilt."""
    from device_parts import Exchange

    return Exchange.of(*asked, tmp_path)
