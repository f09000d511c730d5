"""Auto scaling configurations in random order, against a model: which are active, latest and default, and what is refused."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from understudy_aws.services.apprunner.service_uses import ServiceUse, service_uses
from understudy_aws.testing import Understudy

KIND = "arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration"
PROVIDED = f"{KIND}/DefaultConfiguration/1/00000000000000000000000000000001"
NAMES = ("DefaultConfiguration", "api-scaling", "web-scaling")
STEPS = 80


class Model:
    """The active revisions of each name by number, the default, and what services use."""

    def __init__(self, understudy, draw):
        self.understudy, self.draw = understudy, draw
        self.apprunner = understudy.client("apprunner")
        self.active = {name: {} for name in NAMES}
        self.active["DefaultConfiguration"][1] = PROVIDED
        self.default, self.used, self.gone = PROVIDED, set(), []

    def ask(self, fits, name, **params):
        """Call, which must be answered exactly when the model says that it fits."""
        answer = None
        with suppress(ClientError):
            answer = getattr(self.apprunner, name)(**params)
        assert (answer is not None) == fits, (name, params)
        return answer

    def some(self):
        """A name, a way to name one of its revisions or one that is not there, and the revision meant if it is active."""
        name = self.draw.choice(NAMES)
        numbers = self.active[name]
        way = self.draw.choice(("name", "number", "full", "gone"))
        if way == "name":
            return f"{KIND}/{name}", numbers[max(numbers)] if numbers else None
        if way == "gone" and self.gone:
            return self.draw.choice(self.gone), None
        number = self.draw.randint(1, 6)
        if way == "full" and number in numbers:
            return numbers[number], numbers[number]
        return f"{KIND}/{name}/{number}", numbers.get(number)

    def create(self):
        name = self.draw.choice(NAMES)
        numbers = self.active[name]
        made = self.ask(
            len(numbers) < 5, "create_auto_scaling_configuration", AutoScalingConfigurationName=name
        )
        if made:
            told = made["AutoScalingConfiguration"]
            number = max(numbers, default=0) + 1
            assert (number, True) == (told["AutoScalingConfigurationRevision"], told["Latest"])
            numbers[number] = told["AutoScalingConfigurationArn"]

    def keeps(self, arn):
        return arn == self.default or arn in self.used

    def delete(self):
        named, meant = self.some()
        fits = meant is not None and not self.keeps(meant)
        if meant is not None:
            self.compare_with_uses(meant)
        if self.ask(fits, "delete_auto_scaling_configuration", AutoScalingConfigurationArn=named):
            self.forget(meant)

    def delete_all(self):
        name = self.draw.choice(NAMES)
        arns = list(self.active[name].values())
        fits = bool(arns) and not any(map(self.keeps, arns))
        params = {"AutoScalingConfigurationArn": f"{KIND}/{name}", "DeleteAllRevisions": True}
        if self.ask(fits, "delete_auto_scaling_configuration", **params):
            for arn in arns:
                self.forget(arn)

    def forget(self, arn):
        self.gone.append(arn)
        for numbers in self.active.values():
            for number in [each for each, known in numbers.items() if known == arn]:
                del numbers[number]

    def make_default(self):
        named, meant = self.some()
        if self.ask(
            meant is not None, "update_default_auto_scaling_configuration", AutoScalingConfigurationArn=named
        ):
            self.default = meant

    def use_or_not(self):
        arns = sorted(arn for numbers in self.active.values() for arn in numbers.values())
        arn = self.draw.choice(arns)
        use = ServiceUse(account="000000000000", region="us-east-1", resource=arn, service="a-service")
        with self.understudy.app.database.transaction() as tx:
            (service_uses.delete if arn in self.used else service_uses.put)(tx, use)
        self.used ^= {arn}

    def compare_with_uses(self, arn):
        """`understudy uses` tells of a holder when the deletion is refused; of AWS's own default there is no record."""
        uses = self.understudy.app.gateway.registry.uses
        with self.understudy.app.database.transaction() as tx:
            tree = uses.tree(tx, uses.find(tx, arn), most=10, most_nodes=100)
        assert bool(tree["holders"]) == self.keeps(arn) or arn == PROVIDED

    def compare(self):
        listed = self.apprunner.list_auto_scaling_configurations(LatestOnly=False)
        found = {
            each["AutoScalingConfigurationArn"]: (each["IsDefault"], each["HasAssociatedService"])
            for each in listed["AutoScalingConfigurationSummaryList"]
        }
        arns = [arn for numbers in self.active.values() for arn in numbers.values()]
        assert {arn: (arn == self.default, arn in self.used) for arn in arns} == found
        latest = self.apprunner.list_auto_scaling_configurations()["AutoScalingConfigurationSummaryList"]
        assert sorted(numbers[max(numbers)] for numbers in self.active.values() if numbers) == sorted(
            each["AutoScalingConfigurationArn"] for each in latest
        )


@pytest.mark.parametrize("seed", range(6))
def test_revisions_are_what_a_model_says(seed):
    """Reference apprunner.md 2.4."""
    draw = random.Random(seed)
    with Understudy(ids_seed=seed) as understudy:
        model = Model(understudy, draw)
        actions = [model.create] * 4 + [model.delete] * 3
        actions += [model.delete_all, model.make_default, model.use_or_not]
        for _ in range(STEPS):
            draw.choice(actions)()
            model.compare()
        assert model.gone, "some were deleted"
