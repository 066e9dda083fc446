import base64
import hashlib
import json
import re
import shutil
from collections import Counter
from html import unescape
from itertools import pairwise

import pytest
from page_parser import Page
from sample_bundle import ERROR, NOT_RUN, make_bundle
from sample_numbers import FAMILIES, HOSTILE_CARD, HOSTILE_PHOTO

from cardembed.conformance.evidence import EVIDENCE, read_bundle
from cardembed.conformance.report import render_report
from cardembed.conformance.report.cells import _facts, cell_anchor
from cardembed.conformance.samples import Context, UnknownSamples
from cardembed.conformance.states import State
from cardembed.errors import SignatureError


@pytest.fixture(scope="module")
def parsed(page) -> Page:
    return Page(page)


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


def test_equal_bundles_give_equal_bytes_wherever_they_lie(bundle, page, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "elsewhere")
    assert render_report(copy) == page


def test_the_page_runs_nothing_and_loads_nothing(page, parsed):
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {
        e.tag for e in parsed.elements
    }
    for element in parsed.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"{name} in {element.tag}"
            assert name != "style"  # the policy would drop it
            if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
                assert value.startswith(("#", "data:image/jpeg;base64,", "data:image/png;base64,"))
    assert not re.search(r"url\((?!#)|@import", parsed.style)
    assert "://" not in re.sub(r"data:[^\"]+", "", page)


def test_the_policy_names_exactly_the_style_that_is_there(parsed):
    (meta,) = [e for e in parsed.all("meta") if e.attributes.get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in meta.attributes["content"].split(";"))
    digest = base64.b64encode(hashlib.sha256(parsed.style.encode()).digest()).decode()
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert len(parsed.all("style")) == 1
    head = [e.tag for e in parsed.elements if any(p.tag == "head" for p in e.parents)]
    assert head.index("meta") < head.index("style")


def test_hostile_names_are_text(page, parsed):
    assert HOSTILE_PHOTO not in page
    assert "<img src=x" not in page
    captions = " ".join(e.text for e in parsed.all("figcaption"))
    assert HOSTILE_PHOTO in captions
    assert HOSTILE_CARD in captions
    alts = [e.attributes["alt"] for e in parsed.all("img")]
    assert any(HOSTILE_CARD in alt for alt in alts)
    assert "workbench <b>1</b>" in plain(parsed.all("p", class_="subtitle")[0].text)
    assert parsed.all("h1")[0].text == "reference & friends"


def test_every_cell_is_there_and_the_matrix_leads_to_it(bundle, parsed):
    cells = read_bundle(bundle).predicate.cells
    links = {e.attributes["href"] for e in parsed.all("a")}
    for cell in cells:
        body = parsed.by_id(cell_anchor(cell.id))
        details = body.parents[-1]
        assert details.tag == "details"
        summary = next(e for e in parsed.elements if e.tag == "summary" and e.parents[-1] is details)
        assert str(cell.state) in summary.text, cell.id
        assert f"#{cell_anchor(cell.id)}" in links, cell.id
        assert ("open" in details.attributes) == (
            cell.required and cell.state not in (State.PASS, State.REPORTED)
        )


def test_ids_are_unique_and_links_lead_somewhere(parsed):
    ids = Counter(e.attributes["id"] for e in parsed.elements if "id" in e.attributes)
    assert [i for i, n in ids.items() if n > 1] == []
    for element in parsed.elements:
        href = element.attributes.get("href")
        if href:
            assert href[1:] in ids, href


def test_all_states_of_this_run_occur(bundle):
    states = {cell.state for cell in read_bundle(bundle).predicate.cells}
    assert states >= {
        State.PASS, State.FAIL, State.INCONCLUSIVE, State.ERROR, State.NOT_RUN, State.REPORTED
    }  # fmt: skip


def test_the_banner_says_what_is_wrong_and_that_it_is_incomplete(bundle, parsed):
    cells = read_bundle(bundle).predicate.cells
    banner = plain(parsed.by_id("verdict").text)
    required = [cell for cell in cells if cell.required]
    failed = [cell for cell in required if cell.state is State.FAIL]
    assert failed
    assert f"Not met: {len(failed)} required cells of {len(required)} fail" in banner
    assert "INCOMPLETE" in banner
    assert f"2 required cells of {len(required)} were not run" in banner
    assert "Only cardembed gate says that a release is releasable" in banner
    for cell in required:
        assert (cell.state is State.PASS) == (cell.id not in banner)


def test_a_complete_run_is_not_called_incomplete(baseline):
    banner = plain(Page(render_report(baseline)).by_id("verdict").text)
    assert "INCOMPLETE" not in banner
    assert "not run" not in banner


def test_tables_have_real_headers(parsed):
    tables = parsed.all("table")
    assert len(tables) > 20
    for element in parsed.all("th"):
        assert element.attributes["scope"] in ("col", "row")
    for table in tables:
        inside = [e for e in parsed.elements if table in e.parents]
        assert any(e.tag == "caption" and e.text for e in inside)
        rows = [
            [c for c in inside if c.tag in ("td", "th") and c.parents[-1] is r]
            for r in inside
            if r.tag == "tr"
        ]
        assert len({len(row) for row in rows}) == 1, table.attributes
        assert all(row[0].tag == "th" for row in rows)


def test_headings_descend_one_level_at_a_time(parsed):
    levels = [int(e.tag[1]) for e in parsed.elements if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_landmarks_language_and_reachable_scrolling(parsed):
    assert parsed.all("html")[0].attributes["lang"] == "en"
    for tag in ("header", "main", "footer", "nav"):
        assert len(parsed.all(tag)) == 1
    for section in parsed.all("section"):
        assert parsed.by_id(section.attributes["aria-labelledby"]).text
    for element in parsed.elements:
        if "scroll" in element.kinds:
            assert element.attributes["tabindex"] == "0"
            assert element.attributes["aria-label"]


def test_pictures_and_figures_have_text_alternatives(parsed):
    assert parsed.all("img")
    for image in parsed.all("img"):
        assert image.attributes["alt"]
        assert int(image.attributes["width"]) > 0
    drawn = [e for e in parsed.all("svg") if "figure" in e.kinds]
    assert drawn
    for svg in drawn:
        named = svg.attributes.get("role") == "img" and svg.attributes.get("aria-label")
        assert named or svg.attributes.get("aria-hidden") == "true"


def test_a_state_is_a_shape_and_a_word(parsed):
    marks = [e for e in parsed.all("span") if "mark" in e.kinds]
    assert len(marks) > 100
    shapes: dict[str, str] = {}
    for mark in marks:
        (use,) = [e for e in parsed.elements if e.tag == "use" and mark in e.parents]
        shapes.setdefault(mark.text, use.attributes["href"])
        assert shapes[mark.text] == use.attributes["href"]
    words = {"pass", "fail", "inconclusive", "error", "not run", "reported"}
    assert words <= shapes.keys()
    assert len({shapes[word] for word in words}) == len(words)


def test_a_cell_shows_bound_margin_threshold_and_photos(parsed):
    body = parsed.by_id(cell_anchor("AC-1/hailo8l"))
    text = plain(body.text)
    assert re.search(r"\d{3} / 640", text)
    assert re.search(r"≥ 8\d\.\d %", text)
    assert re.search(r"−\d+\.\d pp", text)
    assert "must be < 0.2" in text
    assert "match threshold 0.42" in text
    assert "acceptance/ac1_clean.feature:4" in text
    inside = [e for e in parsed.elements if body in e.parents]
    assert len([e for e in inside if e.tag == "img"]) == 5  # the third photo matched nothing that is kept
    assert "no image" in text


def test_steps_that_never_ran_are_said_to(parsed):
    text = parsed.by_id(cell_anchor(ERROR)).text
    assert text.count("(never ran)") == 3
    assert "(error)" in text
    assert "RuntimeError: no answer <b>after 30 s</b>" in text
    assert "(skipped)" in parsed.by_id(cell_anchor(NOT_RUN[0])).text


def test_families_stand_one_by_one(parsed):
    text = parsed.by_id(cell_anchor("AC-4/ios")).text
    for family in FAMILIES:
        assert family in text
    assert "closest 0." in text


def test_reported_cells_stand_apart(parsed):
    section = parsed.by_id("reported")
    rows = [e.text for e in parsed.elements if section in e.parents and e.tag == "th" and "AC-" in e.text]
    assert any("AC-8, glare" in row for row in rows)
    assert "reported" not in parsed.by_id("matrix").text


def test_severities_are_drawn_and_written(parsed):
    section = parsed.by_id("curves")
    inside = [e for e in parsed.elements if section in e.parents]
    assert len([e for e in inside if "lines" in e.kinds]) == 5
    assert "severity 5" in section.text


def test_provenance_and_how_to_verify(bundle, page, parsed):
    predicate = read_bundle(bundle).predicate
    text = parsed.by_id("provenance").text
    for digest in (predicate.release.digest, predicate.catalogue_digest, predicate.artefacts["ios"].digest):
        assert digest in text
    assert predicate.public_key in text
    assert "onnxruntime 1.23.2" in text
    assert "the disk was full" in text
    assert "cardembed gate --policy policy.toml BUNDLE" in parsed.by_id("verify").text
    for path, feature in predicate.features.items():
        assert path in page
        assert feature.text.splitlines()[-1].strip() in unescape(page)
    assert len(page) < 4_000_000


def test_a_record_that_its_numbers_contradict_is_an_error(tmp_path):
    from sample_bundle import signing_key

    from cardembed.conformance.evidence import seal_bundle

    root = make_bundle(tmp_path / "b", only="acceptance/ac1")
    predicate = read_bundle(root).predicate
    wrong = [
        cell.model_copy(update={"state": State.PASS}) if cell.id == "AC-1/hailo8l" else cell
        for cell in predicate.cells
    ]
    seal_bundle(root, predicate.model_copy(update={"cells": wrong}), key=signing_key())
    banner = Page(render_report(root)).by_id("verdict").text
    assert "recorded as pass, but its steps and numbers give fail" in banner


def test_a_bundle_that_was_edited_after_it_was_signed_is_refused(bundle, tmp_path):
    copy = tmp_path / "edited"
    shutil.copytree(bundle, copy)
    envelope = json.loads((copy / EVIDENCE).read_bytes())
    payload = base64.b64decode(envelope["payload"]).decode()
    runner = json.loads(payload)["predicate"]["runner"]
    edited = payload.replace(json.dumps(runner), json.dumps("another runner"), 1)
    assert edited != payload
    envelope["payload"] = base64.b64encode(edited.encode()).decode()
    (copy / EVIDENCE).write_text(json.dumps(envelope))
    with pytest.raises(SignatureError, match="does not fit the payload"):
        render_report(copy)


def test_a_cell_that_the_bundle_forgets_is_not_run(tmp_path):
    from sample_bundle import signing_key

    from cardembed.conformance.evidence import seal_bundle

    root = make_bundle(tmp_path / "b", complete=True, only="models/")
    predicate = read_bundle(root).predicate
    kept = [cell for cell in predicate.cells if cell.id != "MODEL-1/ios"]
    seal_bundle(root, predicate.model_copy(update={"cells": kept}), key=signing_key())
    page = Page(render_report(root))
    assert "INCOMPLETE" in page.by_id("verdict").text
    assert "the bundle does not mention this cell" in page.by_id(cell_anchor("MODEL-1/ios")).text


def test_the_difference_tells_states_numbers_thresholds_and_texts(bundle, baseline):
    page = Page(render_report(bundle, baseline))
    section = page.by_id("difference")
    text = plain(section.text)
    assert "1 feature text changed" in text
    assert "And the distance to correct card MUST be <0.25" in text
    assert re.search(r"AC-1: distance ?< 0.25 ?< 0.2", text)
    assert "as before" in text  # the catalogue
    changed = next(e for e in page.all("table") if section in e.parents and "state changed" in e.text)
    assert ERROR in changed.text
    assert NOT_RUN[0] in changed.text


def test_a_run_does_not_differ_from_itself(bundle):
    section = Page(render_report(bundle, bundle)).by_id("difference").text
    count = len(read_bundle(bundle).predicate.cells)
    assert f"0 of {count} cells changed their state, 0 only their numbers; no feature text changed" in section
    assert "Thresholds that changed" not in section


def test_a_card_that_answers_for_what_is_no_card_is_named():
    def facts(*answers):
        count = len(answers)
        samples = UnknownSamples(
            context=Context(condition="unknown"), photo=[f"p{i}" for i in range(count)],
            family=["wood"] * count, nearest=["a"] * count, nearest_distance=[0.1] * count,
            answer=list(answers),
        )  # fmt: skip
        return {fact.name: (fact.value, fact.note) for fact in _facts(samples)}

    name = "Cards that answered, and how often"
    assert facts("b", "a", "No match found", "a")[name] == ("a 2, b 1", "")
    assert facts("b", "a", "c", "d", "a", "d")[name] == ("a 2, d 2, b 1", "4 cards answered 6 photos")
    assert name not in facts("No match found")


def test_the_first_screen_shows_the_figure_that_the_terminal_does(bundle, parsed):
    """AC-1 and AC-8 have two claims: the one with the smaller margin, not the first, speaks for the cell."""
    found = read_bundle(bundle)
    links = [e for e in parsed.all("a") if "cell" in e.attributes.get("class", "").split()]
    tiles = {e.attributes["href"]: plain(e.text) for e in links}
    later = 0
    for cell in found.predicate.cells:
        if not cell.required or cell.verdict is None or not (share := cell.verdict.speaker):
            continue
        if f"#{cell_anchor(cell.id)}" not in tiles:
            continue
        tile = tiles[f"#{cell_anchor(cell.id)}"]
        assert f"{share.k:,} / {share.n:,}".replace(",", " ") in tile, cell.id
        assert f"{share.k}/{share.n}" in cell.verdict.reason, cell.id
        if share.claim != cell.verdict.shares[0].claim:
            assert share.claim in tile
            later += 1
    assert later
