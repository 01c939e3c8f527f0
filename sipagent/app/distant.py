"""Documents at URLs, fetched and checked before any call: asked for as one would, by a sample."""

from sipagent.call.documents import FETCH_SECONDS
from sipagent.call.identity import swml_call_id
from sipagent.call.web import WebFailed, without_secrets
from sipagent.config import Settings
from sipagent.dialplan.lint import check
from sipagent.dialplan.swml.call_object import described
from sipagent.dialplan.swml.documents import ask
from sipagent.dialplan.swml.texts import data_of
from sipagent.errors import ConfigError, Finding, PlanError
from sipagent.providers.web.client import HttpWeb
from sipagent.sources import parse

from .plans import house_of

SAMPLE = {"from": "sip:caller@sipagent.example", "to": "sip:300@sipagent.example"}


async def check_url(url: str, settings: Settings) -> list[Finding]:
    """Everything there is to say about a document. Raises ConfigError for broken tools."""
    name, house = without_secrets(url), house_of(settings)
    told = {"call": described(SAMPLE, swml_call_id("check"), "created"), "vars": {}, "envs": {}}
    web = HttpWeb(settings.web)
    try:
        text = (await ask(web, url, told, FETCH_SECONDS)).decode("utf-8", "replace")
        data_of(text, name)
        return check(parse(text, name), house, foreign=True)[1]
    except (WebFailed, PlanError) as error:
        return [Finding(name, 1, "", str(error).removeprefix(f"{name}: "))]
    except ConfigError as error:
        return list(error.findings)
    finally:
        await web.close()
