"""Pages of policies: they speak as the policy does."""

from __future__ import annotations

import pytest

from site_build import Page, own_site


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("policy/tfdl-08-03-V1.2", "审批人综合管理部质量管理组经理"),
        ("policy/tfdl-08-03-V1.2", "实施人服务受理员"),
        ("policy/practice-1", "实施人服务台（受理）"),
        ("en/policy/tfdl-08-03-V1.2", "Approved byQuality group manager"),
    ],
)
def test_parameters_call_people_as_their_policy_does(page: str, shown: str) -> None:
    assert shown in Page(own_site() / f"{page}.html").text
