"""`understudy image`: what is built from a Dockerfile, and what it is called then."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from understudy_aws.cli.main import main
from understudy_aws.dataplane.runtime.registries import ImagePlaces

needs_buildah = pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed")


@pytest.fixture
def run(tmp_path, capfd):
    def ask(*words: str) -> tuple[int, str, str]:
        code = main(["image", *words, "--state", str(tmp_path / "state")])
        said = capfd.readouterr()
        return code, said.out, said.err

    return ask


@needs_buildah
def test_an_image_is_built_and_found_by_names_of_ecr(run, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "Dockerfile").write_text('FROM scratch\nCOPY hello /\nCMD ["/hello"]\n')
    (source / "hello").write_text("hello")
    try:
        code, said, err = run("build", str(source), "-t", "team/web:v1", "--json")
        if code and "Operation not permitted" in err:
            pytest.skip("buildah can't make what it needs on this machine")
        assert code == 0, err
        built = json.loads(said.splitlines()[-1])
        assert (built["repository"], built["tag"]) == ("team/web", "v1")
        code, said, _ = run("list", "--json")
        assert (code, json.loads(said)) == (0, {"images": [built]})
        pulled = ImagePlaces(built=tmp_path / "state/images").pull_of(
            "000000000000.dkr.ecr.us-east-1.amazonaws.com/team/web:v1"
        )
        assert pulled.reference == f"oci:{tmp_path}/state/images/team/web:v1"
        # The tool's own store has no copy of it.
        asked = ["buildah", "images", "--quiet", "localhost/understudy/team/web:v1"]
        assert subprocess.run(asked, check=False, capture_output=True, text=True).stdout == ""
    finally:
        subprocess.run(
            ["buildah", "rmi", "localhost/understudy/team/web:v1"], check=False, capture_output=True
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("build",), "Which image? For example: understudy image build . -t web:v1"),
        (("build", "DIR"), "Which image? For example: understudy image build . -t web:v1"),
        (
            ("build", "DIR", "-t", "Web"),
            "'Web' is no name of an image; one is such as web, team/web or team/web:v1.",
        ),
        (
            ("build", "DIR", "-t", "../web"),
            "'../web' is no name of an image; one is such as web, team/web or team/web:v1.",
        ),
        (("build", "DIR", "-t", "web"), "There is no Dockerfile in DIR."),
        (("make",), "`understudy image` has no 'make'; it takes build or list."),
    ],
)
def test_what_cannot_be_built_says_why(run, tmp_path, words, said):
    code, _, errors = run(*(each.replace("DIR", str(tmp_path)) for each in words))
    assert (code, said in errors.replace(str(tmp_path), "DIR")) == (2, True), errors


def test_a_state_without_images_says_how_one_is_made(run):
    assert run("list") == (0, "There are none. `understudy image build DIR -t NAME` makes one.\n", "")


def test_a_state_in_memory_keeps_no_images(capsys):
    assert main(["image", "list", "--state", "memory:"]) == 2
    assert "Images are kept with the state, which is in memory here" in capsys.readouterr().err
