"""What stands in the manifest, the configuration and the mappings: true, complete, and without open secrets."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from crossdock.mapping.cases import run_cases
from crossdock.sdk.connector import Verdict
from crossdock.sdk.hosts import AllowedHosts
from crossdock.sdk.lint import Severity, lint
from crossdock.sdk.manifest import Role
from crossdock.sdk.redaction import secrets_of
from crossdock.sdk.testkit.rig import Rig, library_of
from crossdock.sdk.testkit.rigs import Rigs
from crossdock.sdk.testkit.rules import PREFIX, Rules
from crossdock.sdk.testkit.source import forbidden_uses
from crossdock.sdk.testkit.wire import Fault

__all__ = ["ManifestRules"]

_METHODS = {
    Role.POLL: ("poll",),
    Role.RECEIVE: ("verify", "split", "ensure_subscriptions"),
    Role.DROP: ("list_files", "read", "dispose", "put"),
}
_FOREIGN = ("https://crossdock.example", "https://169.254.169.254", "http://localhost.crossdock.example")
_VERDICTS = {
    Fault.UNAUTHORISED: (Verdict.UNAUTHORISED,),
    Fault.FORBIDDEN: (Verdict.FORBIDDEN, Verdict.UNAUTHORISED),
    Fault.REFUSED: (Verdict.UNREACHABLE,),
    Fault.PAGE_BEFORE: (Verdict.UNREACHABLE, Verdict.MISCONFIGURED),
}


class ManifestRules(Rules):
    """For each connector."""

    def test_manifest_lints(self) -> None:
        """``crossdock connector lint`` finds no error, and every mapping is there."""
        available = {entry.name for entry in library_of(self.plugin.package).entries()}
        found = lint(self.plugin.manifest, self.plugin.config, available)
        errors = [f"{each.path}: {each.message}" for each in found if each.severity is Severity.ERROR]
        assert not errors, "\n".join(errors)

    def test_readme_tells_of_all(self) -> None:
        """README.md beside the manifest, or up to two folders above, tells of each stream and each command."""
        package = Path(str(files(self.plugin.package)))
        page = next(
            (each / "README.md" for each in _nearest(package) if (each / "README.md").is_file()), None
        )
        assert page is not None, f"{package} has no README.md: tell how to set the connector up"
        text, manifest = page.read_text(encoding="utf-8"), self.plugin.manifest
        untold = [name for name in (*manifest.streams, *manifest.commands) if f"`{name}`" not in text]
        assert not untold, f"{page} does not tell of {', '.join(untold)}"

    def test_roles_have_their_methods(self) -> None:
        """The class has the methods of the roles that the manifest declares."""
        manifest, wanted = self.plugin.manifest, ["check"]
        for stream in manifest.streams.values():
            wanted += _METHODS[stream.role] + (("answer",) if stream.answers else ())
        wanted += ["execute", "probe"] if manifest.commands else []
        missing = [
            name for name in dict.fromkeys(wanted) if not callable(getattr(self.plugin.connector, name, None))
        ]
        assert missing == [], f"{self.plugin.connector.__name__} lacks {', '.join(missing)}"

    def test_exemptions_are_of_rules(self) -> None:
        """``exempt`` names rules that there are, and each has a reason."""
        rules = {
            name.removeprefix(PREFIX) for name, _ in inspect.getmembers(type(self)) if name.startswith(PREFIX)
        }
        unknown = set(self.plugin.manifest.exempt) - rules
        assert unknown == set(), f"there is no rule {', '.join(sorted(unknown))} for this connector"

    def test_source_keeps_to_the_services(self) -> None:
        """No clock, chance, sleep, thread, socket or HTTP client of its own: all of that comes from ``services``."""
        found = forbidden_uses(self.plugin.package)
        assert not found, "\n".join(found)

    def test_configuration_hides_secrets(self, rigs: Rigs) -> None:
        """No secret is in the configuration's ``repr``, nor in the error of a wrong configuration."""

        async def scenario(rig: Rig) -> None:
            given = rig.partner.config()
            told = [repr(rig.config), str(rig.config), rig.config.model_dump_json()]
            wrong: list[dict[str, object]] = [{**given, "conformance_unknown": 1}]
            wrong += [
                {name: value for name, value in given.items() if name != left_out} for left_out in given
            ]
            for each in wrong:
                try:
                    self.plugin.config.model_validate(each)
                except ValidationError as error:
                    told.append(str(error))
            for secret in secrets_of(rig.config):
                leaks = [text[:300] for text in told if secret in text]
                assert leaks == [], 'a secret is shown: set model_config = {"hide_input_in_errors": True}'

        rigs.run(scenario)

    def test_configuration_refuses_unknown_keys(self, rigs: Rigs) -> None:
        """A misspelt key is an error."""
        with pytest.raises(ValidationError):
            rigs.run(_nothing, lambda config: config.update(conformance_unknown=1))

    def test_hosts_are_few(self, rigs: Rigs) -> None:
        """The allow-list permits no host of strangers."""

        async def scenario(rig: Rig) -> None:
            allowed = AllowedHosts.of(rig.manifest.hosts, rig.config)
            permitted = [url for url in _FOREIGN if any(e.permits(httpx.URL(url)) for e in allowed.entries)]
            assert not permitted, f"hosts permit {', '.join(permitted)}"

        rigs.run(scenario)

    def test_mapping_compiles_and_its_cases_pass(self, mapping: str) -> None:
        """The mapping is there, compiles, and NAME.tests.yaml beside it has cases that pass."""
        library = library_of(self.plugin.package)
        library.get(mapping)
        reader = library.find(mapping)
        assert reader is not None
        results = run_cases(library, mapping, reader)
        assert results, (
            f"{mapping}: add {mapping}.tests.yaml with a sample of the partner and what is expected of it"
        )
        problems = [f"{each.name}: {problem}" for each in results for problem in each.problems]
        assert not problems, "\n".join(problems)

    def test_mapping_makes_what_is_emitted(self) -> None:
        """Each stream's and answer's mapping makes the entity that the manifest says."""
        manifest, library = self.plugin.manifest, library_of(self.plugin.package)
        named = {f"streams.{name}": (s.mapping, s.emits) for name, s in manifest.streams.items()}
        named |= {f"commands.{n}": (c.result, c.emits) for n, c in manifest.commands.items() if c.emits}
        wrong = [
            f"{path}: {mapping} makes {library.get(mapping).target or 'nothing canonical'}, not {emits}"
            for path, (mapping, emits) in named.items()
            if mapping is not None and library.get(mapping).target.partition("/")[0] != emits
        ]
        assert not wrong, "\n".join(wrong)

    def test_check_is_good(self, rigs: Rigs) -> None:
        """``check`` finds all well where it is."""

        async def scenario(rig: Rig) -> None:
            report = await rig.connector.check()
            assert report.checks, "check looks at nothing"
            bad = [
                f"{each.capability}: {each.verdict}: {each.message}" for each in report.checks if each.message
            ]
            assert report.ok, "\n".join(bad)

        rigs.run(scenario)

    @pytest.mark.parametrize("fault", list(_VERDICTS), ids=lambda fault: fault.name.lower())
    def test_check_says_what_is_wrong(self, rigs: Rigs, fault: Fault) -> None:
        """Refused credentials, a missing permission, no connection, a wrong address: each is said, in words."""

        async def scenario(rig: Rig) -> None:
            await rig.connector.check()
            if not any(not each.by_files or fault.by_files for each in rig.wire.exchanges):
                return
            await rig.restart()
            rig.wire.break_down(fault, lasting=True)
            report = await rig.connector.check()
            verdicts = {each.verdict for each in report.checks}
            assert verdicts & set(_VERDICTS[fault]), f"{fault}: check says {', '.join(sorted(verdicts))}"
            silent = [
                each.capability
                for each in report.checks
                if each.verdict is not Verdict.OK and not each.message
            ]
            assert silent == [], "what is not ok is said without words"
            rig.seen.extend(each.message for each in report.checks)

        rigs.run(scenario)


def _nearest(folder: Path) -> Sequence[Path]:
    return [folder, *folder.parents][:3]


async def _nothing(rig: Rig) -> None:
    """Only connect."""
