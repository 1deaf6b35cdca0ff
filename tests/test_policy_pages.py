"""Pages of policies: they speak as the policy does."""

from __future__ import annotations

import pytest

from site_build import Page, own_site


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("tfdl-08-03-V1.2", "Approved by综合管理部质量管理组经理"),
        ("tfdl-08-03-V1.2", "Carried out by服务受理员"),
        ("practice-1", "Carried out by服务台（受理）"),
    ],
)
def test_parameters_call_people_as_their_policy_does(page: str, shown: str) -> None:
    assert shown in Page(own_site() / f"policy/{page}.html").text
