"""Pages: the site — Markdown for MkDocs, record pages in the theme's frame, ledgers, charts, search index.

`build` makes the whole site in a folder of its own and swaps it in when it is complete, so that an interrupted
build leaves the last good site in place. Only door to jinja2 and mkdocs.
"""

from kelu.pages.build import Edition, build
from kelu.pages.preview import preview
from kelu.pages.shell import SiteError
from kelu.pages.template import TemplateError

__all__ = ["Edition", "SiteError", "TemplateError", "build", "preview"]
