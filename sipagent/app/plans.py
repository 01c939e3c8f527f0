"""The plans of a server, checked against everything this server has."""

from sipagent.call.privacy import NOTHING
from sipagent.config import Settings
from sipagent.dialplan.lint import House
from sipagent.dialplan.repository import Plans
from sipagent.dialplan.swml.organs import Vocabulary
from sipagent.errors import ConfigError, Finding
from sipagent.providers.grammar import unknown_words
from sipagent.providers.minds.intents import problems
from sipagent.providers.registry import LANGUAGE_MODELS, known_providers, problem, writes_itself
from sipagent.providers.web.guard import problem as web_problem
from sipagent.tools.loader import load_tools
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS


def house_of(settings: Settings) -> House:
    """What plans may refer to here. Raises ConfigError for broken tools."""
    return House(
        toolbox=Toolbox(load_tools(settings.tools, reserved=VERBS), VERBS),
        providers=known_providers(settings),
        trunks=settings.trunks,
        phones=settings.phones,
        privacy=settings.privacy or NOTHING,
        policies=settings.policies,
        unknown_words=unknown_words,
        intent_problems=problems,
        mcp_servers=settings.mcp_servers,
        writes_itself=lambda ref: writes_itself(ref, settings),
        web_problem=lambda url: web_problem(url, settings.web.allow),
        vocabulary=Vocabulary.of(settings, LANGUAGE_MODELS),
        provider_problem=lambda role, spec, ref: problem(role, spec, ref, settings),
    )


def read_plans(settings: Settings) -> tuple[Plans, list[Finding]]:
    """The plans and everything there is to say about them. Raises ConfigError for tools."""
    plans = Plans(settings.dialplans, lambda: house_of(settings))
    return plans, plans.reload()


def open_plans(settings: Settings) -> Plans:
    """The plans, all of them sound. Raises ConfigError with every finding where one is not."""
    plans, findings = read_plans(settings)
    if any(finding.severity == "error" for finding in findings):
        raise ConfigError(findings)
    return plans
