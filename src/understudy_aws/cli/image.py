"""`understudy image build DIR -t NAME | list`: images for services, built on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from understudy_aws.cli.options import settings_of
from understudy_aws.cli.output import Output
from understudy_aws.core.deferred import deferred
from understudy_aws.core.errors import UserError

if TYPE_CHECKING:
    from understudy_aws.dataplane.runtime import artifacts, image_builds
else:
    artifacts = deferred("understudy_aws.dataplane.runtime.artifacts")
    image_builds = deferred("understudy_aws.dataplane.runtime.image_builds")

_REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "understudy image build DIR -t NAME[:TAG] | list  [options]"
    parser.epilog = (
        "build makes an image of a Dockerfile by buildah, podman or docker, whichever is there, and keeps it with the "
        f"state. A service then runs it by any name in Amazon ECR that ends so, such as {_REGISTRY}/NAME:TAG, unless "
        "--registry says where such names lead. list shows what was built."
    )
    parser.add_argument("verb", metavar="build|list", help="what to do")
    parser.add_argument("directory", nargs="?", type=Path, metavar="DIR", help="where the Dockerfile is")
    parser.add_argument("-t", "--tag", default="", metavar="NAME[:TAG]", help="what the image is called")


def run(asked: argparse.Namespace, out: Output) -> int:
    """Build an image, or list those that were built."""
    place = settings_of(asked).built_images
    if place is None:
        raise UserError("Images are kept with the state, which is in memory here; say --state DIR.")
    if asked.verb == "list":
        return _list(place, out)
    if asked.verb != "build":
        raise UserError(f"`understudy image` has no {asked.verb!r}; it takes build or list.")
    if asked.directory is None or not asked.tag:
        raise UserError("Which image? For example: understudy image build . -t web:v1")
    try:
        built = image_builds.build_image(asked.directory.absolute(), asked.tag, place)
    except (artifacts.TaskError, OSError) as error:
        raise UserError(str(error)) from error
    if out.as_json:
        out.value({"repository": built.repository, "tag": built.tag, "digest": built.digest})
    else:
        out.line(f"{built.repository}:{built.tag} is {built.digest}; services call it")
        out.line(f"{_REGISTRY}/{built.repository}:{built.tag}, of any account and Region.")
    return 0


def _list(place: Path, out: Output) -> int:
    found = list(image_builds.built_images(place))
    if out.as_json:
        out.value(
            {
                "images": [
                    {"repository": each.repository, "tag": each.tag, "digest": each.digest} for each in found
                ]
            }
        )
    elif not found:
        out.line("There are none. `understudy image build DIR -t NAME` makes one.")
    else:
        out.table(
            ("REPOSITORY", "TAG", "DIGEST"), [(each.repository, each.tag, each.digest) for each in found]
        )
    return 0
