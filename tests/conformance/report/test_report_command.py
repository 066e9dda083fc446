import json

import pytest

from cardembed.cli import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_it_writes_the_page_into_the_bundle(bundle, page, capsys):
    assert run("report", str(bundle)) == 0
    assert (bundle / "report.html").read_text() == page
    assert "report.html" in capsys.readouterr().out
    assert run("report", str(bundle)) == 0  # the page itself is no part of the evidence


def test_it_writes_elsewhere_and_says_so_in_json(bundle, baseline, tmp_path, capsys):
    out = tmp_path / "deep" / "page.html"
    assert run("report", str(bundle), "--out", str(out), "--baseline", str(baseline), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"report": str(out), "bytes": out.stat().st_size}
    assert 'id="difference"' in out.read_text()


def test_what_is_no_bundle_gets_one_line_and_leaves_nothing(bundle, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "evidence.dsse.json").write_text("{}")
    out = tmp_path / "out.html"
    for arguments in (["missing"], [str(tmp_path / "folder")], [str(bundle), "--baseline", "missing"]):
        assert run("report", *arguments, "--out", str(out)) == 2
        error = capsys.readouterr().err
        assert error.startswith("cardembed: error: ")
        assert error.count("\n") == 1
        assert not out.exists()


def test_a_changed_number_is_refused(bundle, tmp_path, capsys):
    import shutil

    copy = shutil.copytree(bundle, tmp_path / "copy")
    path = copy / "measurements" / "AC-1.ios.json"
    path.write_text(path.read_text().replace('"rank":[1,', '"rank":[2,', 1))
    assert run("report", str(copy)) == 2
    assert "SHA-256" in capsys.readouterr().err
