"""Writes the bill of materials (CycloneDX 1.6, JSON) of a PEX: `sbom.py PEX NAME OUTPUT`.

It lists every wheel that the PEX, a folder in the packed layout, brings; the same PEX always gives
the same bytes. A step of the image's build runs it, so that it speaks of just what is shipped.
"""

import sys
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZipFile

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def main() -> None:
    pex, name, output = sys.argv[1:]
    components = [component(metadata) for metadata in wheels(Path(pex))]
    if not components:
        sys.exit(f"sbom: {pex} brings no wheel; is it a PEX in the packed layout?")
    Path(output).write_text(document(name, components))


def wheels(pex: Path) -> Iterator[Message]:
    """The METADATA of each wheel, in the order of their names."""
    for path in sorted((pex / ".deps").glob("*.whl")):
        with ZipFile(path) as wheel:
            (member,) = [
                item
                for item in wheel.namelist()
                if item.count("/") == 1 and item.endswith(".dist-info/METADATA")
            ]
            yield Parser().parsestr(wheel.read(member).decode(), headersonly=True)


def component(metadata: Message) -> Component:
    name, version = metadata["Name"], metadata["Version"]
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=purl,
        bom_ref=purl.to_string(),
        description=metadata["Summary"],
        licenses=licenses(metadata),
    )


def licenses(metadata: Message) -> list[License]:
    """What the wheel says of itself, as an SPDX expression where it is one."""
    said = metadata["License-Expression"] or metadata["License"]
    if not said:
        classifiers = metadata.get_all("Classifier") or []
        said = next((text for text in classifiers if text.startswith("License ::")), None)
    if not said:
        return []
    # Older wheels carry the whole text of their licence: its first line names it.
    first = next(line.strip() for line in said.rpartition(" :: ")[2].splitlines() if line.strip())
    return [
        LicenseFactory().make_from_string(
            first, license_acknowledgement=LicenseAcknowledgement.DECLARED
        )
    ]


def document(name: str, components: list[Component]) -> str:
    # Without our version: a new one alone would change the layer of the third-party packages.
    root = Component(type=ComponentType.APPLICATION, name=name, bom_ref=name)
    bom = Bom(components=components)
    bom.metadata.component = root
    bom.register_dependency(root, components)
    # Neither the time nor chance: equal contents make an equal document, hence an equal layer.
    bom.metadata.timestamp = None  # type: ignore[assignment]  # optional in the format
    references = sorted(component.purl.to_string() for component in components if component.purl)
    bom.serial_number = uuid5(NAMESPACE_URL, "\n".join(references))
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"sbom: not valid CycloneDX: {error}")
    return text


if __name__ == "__main__":
    main()
