"""Kelu 客录: complaints, satisfaction surveys and meeting minutes as checked YAML in Git, published as a site."""

__version__ = "0.1.0"  # pyproject.toml states the same; a test compares them
