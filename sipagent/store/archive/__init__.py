"""A call as one zip: everything its folder has, with an index; written, and read with suspicion."""

from .index import Archive, BadArchive, Index, Piece, pieces
from .reading import read_archive
from .writing import Wish, archive_chunks, write_archive

__all__ = [
    "Archive",
    "BadArchive",
    "Index",
    "Piece",
    "Wish",
    "archive_chunks",
    "pieces",
    "read_archive",
    "write_archive",
]
