"""Files of layers that nothing names are removed, and no others (docs/decisions/0032)."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.gateway.controller import World
from understudy_aws.services.ecr.distribution.blob_files import BlobFiles, WrongDigestError
from understudy_aws.services.ecr.distribution.sweep import Sweep
from understudy_aws.services.ecr.records import Layer, LayerUpload, layer_uploads, layers

ACCOUNT = "000000000000"
PLACE = {"account": ACCOUNT, "region": "us-east-1", "repository": "app"}
UPLOAD = "00000000-0000-0000-0000-000000000001"


def digest_of(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def files(tmp_path):
    return BlobFiles(tmp_path / "registry")


def upload(files, data, id=UPLOAD):
    sink = files.append(id, len(data))
    sink.write(data)
    sink.close()


def layer(files, data):
    upload(files, data)
    assert len(data) == files.finish(UPLOAD, digest_of(data)).result(timeout=10)
    return digest_of(data)


def make_old(tmp_path):
    for path in tmp_path.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))


def sweep(understudy, files):
    app = understudy.app
    world = World(app.database, app.gateway.clock, app.gateway.ids, app.gateway)
    work = Sweep(files).controller()
    with app.database.transaction() as tx:
        (due,) = work.due(tx, understudy.clock.now())
    asyncio.run(work.reconcile(due.key, world))
    with app.database.transaction() as tx:
        assert [] == list(work.due(tx, understudy.clock.now()))


def record(understudy, digest, at=None):
    with understudy.app.database.transaction() as tx:
        layers.put(tx, Layer(**PLACE, digest=digest, size=1, uploaded=at or understudy.clock.now()))


def is_there(files, digest):
    file = files.open(digest)
    if file is not None:
        file.close()
    return file is not None


def test_what_is_named_stays_and_the_rest_goes(understudy, files, tmp_path):
    named, forgotten = layer(files, b"named"), layer(files, b"forgotten")
    record(understudy, named)
    known, unknown = UPLOAD, UPLOAD.replace("1", "2")
    with understudy.app.database.transaction() as tx:
        layer_uploads.put(tx, LayerUpload(**PLACE, id=known, begun=understudy.clock.now()))
    for id in (known, unknown):
        upload(files, b"part", id)
    make_old(tmp_path)
    sweep(understudy, files)
    assert (True, False) == (is_there(files, named), is_there(files, forgotten))
    assert (4, 0) == (files.size_of(known), files.size_of(unknown))


def test_what_was_written_just_now_stays(understudy, files, tmp_path):
    """Its record comes in a moment; so it is with the same bytes that are uploaded again."""
    digest = layer(files, b"data")
    sweep(understudy, files)
    assert is_there(files, digest)
    make_old(tmp_path)
    assert digest == layer(files, b"data")
    sweep(understudy, files)
    assert is_there(files, digest)


def test_a_layer_without_an_image_goes_after_a_day(understudy, files, tmp_path):
    young, old = layer(files, b"young"), layer(files, b"old")
    record(understudy, young)
    record(understudy, old, understudy.clock.now() - timedelta(hours=25))
    make_old(tmp_path)
    sweep(understudy, files)
    assert (True, False) == (is_there(files, young), is_there(files, old))


def test_where_nothing_was_pushed_nothing_is_looked_for(understudy, files):
    with understudy.app.database.transaction() as tx:
        assert [] == list(Sweep(files).controller().due(tx, understudy.clock.now()))


class TestFiles:
    def test_one_request_at_a_time_appends(self, files):
        first = files.append(UPLOAD, 0)
        assert files.append(UPLOAD, 0) is None
        first.close()
        first.close()
        second = files.append(UPLOAD, 0)
        assert second is not None
        second.close()

    def test_a_layer_appears_whole_or_not_at_all(self, files):
        upload(files, b"abc")
        future = files.finish(UPLOAD, digest_of(b"abcd"))
        with pytest.raises(WrongDigestError):
            future.result(timeout=10)
        assert not is_there(files, digest_of(b"abcd"))
        assert not is_there(files, digest_of(b"abc"))
        assert 3 == files.size_of(UPLOAD)

    def test_nobody_else_can_read_them(self, files, tmp_path):
        layer(files, b"abc")
        assert 0o700 == (tmp_path / "registry").stat().st_mode & 0o777

    @given(pieces=st.lists(st.binary(max_size=100), max_size=8))
    def test_pieces_are_one_after_the_other(self, tmp_path_factory, pieces):
        files = BlobFiles(tmp_path_factory.mktemp("files"))
        for piece in pieces:
            upload(files, piece)
        data = b"".join(pieces)
        assert len(data) == files.size_of(UPLOAD)
        if pieces:
            assert len(data) == files.finish(UPLOAD, digest_of(data)).result(timeout=10)
            with files.open(digest_of(data)) as file:
                assert data == file.read()
