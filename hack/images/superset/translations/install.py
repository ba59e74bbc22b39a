"""Puts the translations beside this file into Superset, which ships none for Indonesian.

The server reads a compiled catalogue, the browser the same texts as JSON.
"""

import json
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def install(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        catalog = read_po(file, locale=source.parent.name)
    target.mkdir(parents=True, exist_ok=True)
    with (target / "messages.mo").open("wb") as file:
        write_mo(file, catalog)
    texts = {"": {"domain": "superset", "plural_forms": catalog.plural_forms, "lang": source.parent.name}}
    for message in catalog:
        if not message.id or not message.string:
            continue
        plural = isinstance(message.id, tuple)
        texts[message.id[0] if plural else message.id] = list(message.string) if plural else [message.string]
    (target / "messages.json").write_text(
        json.dumps({"domain": "superset", "locale_data": {"superset": texts}}, ensure_ascii=False, indent=1), encoding="utf8"
    )


if __name__ == "__main__":
    here = Path(__file__).parent
    for po in here.glob("*/messages.po"):
        install(po, Path(sys.argv[1]) / po.parent.name / "LC_MESSAGES")
