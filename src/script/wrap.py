"""Makes a workload folder of a script that is none.

    python wrap.py SCRIPT FOLDER FORMAT TOLERANCE REQUESTS EXTRAS

A script has either the contract's `load`, `decode`, `infer` and `encode`, or only
`infer(request)`, from bytes to bytes. REQUESTS and EXTRAS are paths, one per line: sample requests,
one per file, and what the script needs beside itself. Ends with one line on standard error and
exit code 2 where it cannot.
"""

import ast
import json
import shutil
import sys
from pathlib import Path

STAGES = "load", "decode", "infer", "encode"

WHOLE = '''\
"""Made by wasmfit of {script}, whose `infer` does it all: from bytes to bytes."""

import {module} as script


def load(assets):
    return None


def decode(request):
    return request


def infer(model, request):
    return script.infer(request)


def encode(response):
    return response
'''

STAGED = '''\
"""Made by wasmfit of {script}."""

from {module} import decode, encode, infer, load
'''

REQUESTS = '''

def make_request(index):
    from pathlib import Path

    return (Path(__file__).parent / "requests" / str(index)).read_bytes()
'''


class Refused(Exception):
    """Why a script cannot be measured, and what to do."""


def main(script, folder, output, tolerance, requests, extras):
    script, folder = Path(script), Path(folder)
    tree = parse(script)
    module = script.stem
    if not module.isidentifier() or module in sys.stdlib_module_names or module == "workload":
        raise Refused(f"{script.name}: its name is no module's of its own: rename the file, for example to model.py")
    text = (STAGED if is_staged(script, tree) else WHOLE).format(script=script.name, module=module)
    own = "make_request" in functions(tree)
    requests = [path for given in requests.splitlines() for path in files(Path(given))]
    if not requests and not own:
        raise Refused(f"{script.name} has no make_request: give sample requests with --requests, a file or a folder of them")
    extras = [Path(extra) for extra in extras.splitlines()]
    for extra in extras:
        if not extra.exists():
            raise Refused(f"{extra}: no such file or folder")
    beside = local_modules(tree, script.parent)
    folder.mkdir(parents=True)
    for path in [script, *beside, *extras]:
        copy(path, folder)
    if (script.parent / "assets").is_dir() and not (folder / "assets").exists():
        copy(script.parent / "assets", folder)
    if requests:
        (folder / "requests").mkdir()
        for number, path in enumerate(requests):
            shutil.copyfile(path, folder / "requests" / str(number))
        text += REQUESTS
    else:
        text += f"\n\nfrom {module} import make_request\n"
    (folder / "workload.py").write_text(text, encoding="utf-8")
    packages = sorted(imported([script, *beside]) - {path.stem for path in [script, *beside]})
    (folder / "workload.toml").write_text(manifest(script, output, tolerance, packages, len(requests)),
                                          encoding="utf-8")


def manifest(script, output, tolerance, packages, requests):
    # JSON's strings and lists are TOML's too.
    tolerances = "" if output == "bytes" else f"absolute_tolerance = {tolerance}\nrelative_tolerance = {tolerance}\n"
    return (f"title = {json.dumps('The script ' + script.name)}\n"
            f"stands_for = {json.dumps('itself')}\n"
            f"data = {json.dumps('sample requests, as given')}\n"
            f"packages = {json.dumps(packages)}\n"
            f'guests = ["*"]\n'
            f"requests = {requests or 16}\n"
            f"batch_sizes = [1]\n\n"
            f'[output]\nformat = "{output}"\n{tolerances}')


def parse(script):
    try:
        return ast.parse(script.read_bytes(), script.name)
    except OSError as error:
        raise Refused(f"{script}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise Refused(f"{script}: line {line}: {getattr(error, 'msg', error)}") from None


def functions(tree):
    """Returns what is defined at the top, with functions' positional arguments."""
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args.posonlyargs + node.args.args
            found[node.name] = len(arguments) - len(node.args.defaults)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name, None) for alias in node.names)
        elif isinstance(node, ast.Assign):
            found.update((target.id, None) for target in node.targets if isinstance(target, ast.Name))
    return found


def is_staged(script, tree):
    found = functions(tree)
    if all(name in found for name in STAGES):
        return True
    if "infer" in found and found["infer"] in (1, None):
        return False
    raise Refused(f"{script.name} has neither infer(request), from bytes to bytes, nor load(assets), "
                  "decode(request), infer(model, x) and encode(y): write one of the two")


def files(given):
    if given.is_dir():
        found = sorted(path for path in given.iterdir() if path.is_file() and not path.name.startswith("."))
        if not found:
            raise Refused(f"{given}: holds no files: give sample requests, one per file")
        return found
    if not given.is_file():
        raise Refused(f"{given}: no such file: give sample requests, one per file")
    return [given]


def names_of(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def local_modules(tree, folder):
    """Returns modules and packages beside the script that it imports, and those that they import."""
    found, open_trees = [], [tree]
    while open_trees:
        for name in sorted(set(names_of(open_trees.pop()))):
            for path in folder / f"{name}.py", folder / name:
                if path in found or not (path.is_file() or (path / "__init__.py").is_file()):
                    continue
                found.append(path)
                sources = [path] if path.is_file() else sorted(path.rglob("*.py"))
                open_trees += [parse(source) for source in sources]
    return found


def imported(paths):
    """Returns top-level names that are imported and not of the standard library."""
    sources = [source for path in paths for source in ([path] if path.is_file() else path.rglob("*.py"))]
    return {name for source in sources for name in names_of(parse(source))} - set(sys.stdlib_module_names)


def copy(path, folder):
    if path.is_dir():
        shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(path, folder / path.name)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as refused:
        sys.exit(print(refused, file=sys.stderr) or 2)
