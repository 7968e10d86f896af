"""A page as a browser would find it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a browser would find in a page.

    Attributes:
        tags: Names of its elements, in order.
        attributes: All attributes, in order.
        text: What stands between the elements.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Remember what is read."""
        self.text += data
