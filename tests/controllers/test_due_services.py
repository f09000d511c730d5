"""Answers do not wait for operations on services, whose first steps are nothing that anybody asks for next."""

from __future__ import annotations

from plain_sites import Site

from understudy_aws.gateway.durable_operations import begin


def test_an_answer_waits_for_no_operation_on_a_service(tmp_path, monkeypatch):
    app = Site(tmp_path, monkeypatch).understudy.app
    waits = []
    monkeypatch.setattr(app.controllers, "after_due_work", lambda wanted: waits.append(wanted) or wanted)

    def waits_for(kind: str) -> bool:
        with app.database.transaction() as tx:
            begin(tx, kind, account="1", id=kind, subject="one", details={}, at=app.gateway.clock.now())
        app.durability()
        return bool(waits)

    assert not waits_for("apprunner:CreateService")
    assert waits_for("iam:DeleteServiceLinkedRole")
