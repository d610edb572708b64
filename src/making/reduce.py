"""Copies of a standard library only the files behind modules that were imported.

    reduce.py LIBRARY.zip REDUCED.zip < FILES
"""

import sys
import zipfile
from pathlib import PurePosixPath


def main(library, reduced):
    # A module is named by where it was compiled, `os.py`; the library may hold `os.pyc`.
    marker = ".zip/"
    imported = {str(PurePosixPath(line.split(marker, 1)[1]).with_suffix(""))
                for line in sys.stdin.read().splitlines() if marker in line}
    with (zipfile.ZipFile(library) as source,
          zipfile.ZipFile(reduced, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target):
        kept = [entry for entry in source.infolist()
                if str(PurePosixPath(entry.filename).with_suffix("")) in imported]
        for entry in kept:
            target.writestr(entry, source.read(entry), zipfile.ZIP_DEFLATED)
    print(len(kept))


main(*sys.argv[1:])
