"""XML that strangers send: read without entities, without a network, and never in more than one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy_aws.core.deferred import deferred

if TYPE_CHECKING:
    from lxml import etree
else:
    # Few requests need it, and loading it takes as long as a start.
    etree = deferred("lxml.etree")

Element = Any  # lxml's, which is loaded when a document is read
_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_IDS = ("ID", "Id", "id", _XML_ID)


def read_xml(document: str | bytes) -> Element:
    """Return the root of a document in UTF-8. Raises ValueError for what is none, and for one with a DTD.

    Without a DTD there are no entities but XML's own five, and no attributes that the document does not show.
    """
    text = document.decode("utf-8") if isinstance(document, bytes) else document
    text = text.removeprefix("\ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("A document type declaration is not taken.")
    # The encoding named here counts, whatever a declaration in the document says: what was looked through is read.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=False,
    )
    try:
        root: Element = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise ValueError("This is no XML.") from error
    return root


def repeats_an_id(root: Element) -> bool:
    """Return whether two elements have one id, so that a reference to it could mean either."""
    seen: set[str] = set()
    for element in root.iter(etree.Element):
        for name in {element.get(each) for each in _IDS} - {None}:
            if name in seen:
                return True
            seen.add(name)
    return False


def has_comments(root: Element) -> bool:
    """Return whether there is a comment or a processing instruction, which signatures do not cover."""
    return next(root.iter(etree.Comment, etree.ProcessingInstruction), None) is not None


def text_of(element: Element) -> str:
    """Return the text of an element that holds nothing else. Raises ValueError for one with elements in it."""
    if len(element):
        raise ValueError("A text is expected here.")
    return str(element.text or "").strip()
