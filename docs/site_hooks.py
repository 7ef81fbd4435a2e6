"""Build hooks of the site: the front page is the README, and files outside `docs/` are copied beside the pages.

Pages link to pictures and files by the paths that they have in the repository, so that the links also work where the
Markdown is read as it is. The site has the pictures under the same relative names; other files are linked in the
repository.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r'(\]\(|src=")(?!https?://|#)([^)\s"]+)')
_PICTURES = (".png", ".svg")


def on_files(files: Files, config: Any) -> Files:
    """Add the README as the front page, and every picture of the repository that a page shows."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=_as_front_page(readme)))
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    shown = {
        (page.parent / target).resolve()
        for page in pages
        for _, target in _LINK.findall(page.read_text(encoding="utf-8"))
        if target.endswith(_PICTURES)
    }
    for path in sorted(shown):
        if not path.is_relative_to(ROOT / "docs"):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Point pictures outside `docs/` to their copies, and name other files of the repository without a link."""
    if page.file.src_uri == "index.md":
        return markdown
    text = re.sub(r"\]\(\.\./([^)\s]+\.(?:png|svg))\)", r"](\1)", markdown)
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)\s]+\)", r"\1", text)


def _as_front_page(readme: str) -> str:
    def of_the_site(link: re.Match[str]) -> str:
        text, target = link.groups()
        return f"[{text}]({target.removeprefix('docs/')})" if target.startswith("docs/") else text

    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)([^)\s]+)\)", of_the_site, readme)
