"""Whole: whether the very text of a record may be published, because it says nothing that its page does not."""

from __future__ import annotations

from kelu.privacy import Directory, Published, mask_text


def reveals_nothing(text: str, record: Published, names: Directory) -> bool:
    """Whether a record's text, comments included, holds only what its page (`record`) shows as it is: nothing is
    restricted, kept for another audience, withheld or masked."""
    return record.whole and mask_text(text, names.identifiers) == text
