"""An agent written with SignalWire's SDK, run by it: `python rossi.py PACKAGE PORT SALES SHOP LOG`.

PACKAGE is `signalwire` or `signalwire_agents`. SALES is a SIP URI, SHOP the address of a web shop,
LOG a file that gets what the agent was told, one JSON object a line.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

PACKAGE, PORT, SALES, SHOP, LOG = sys.argv[1:]
AgentBase: Any = importlib.import_module(PACKAGE).AgentBase
#: the newer package keeps the older one's name
Result: Any = importlib.import_module(f"{PACKAGE}.core.function_result").SwaigFunctionResult
DataMap: Any = importlib.import_module(f"{PACKAGE}.core.data_map").DataMap


def note(kind: str, **told: Any) -> None:
    """What came, for the test to read."""
    with Path(LOG).open("a") as log:
        log.write(json.dumps({"kind": kind, **told}, default=str) + "\n")


class Rossi(AgentBase):  # type: ignore[misc]
    """Asks for an order, tells a price, puts through to sales, says goodbye."""

    def __init__(self) -> None:
        super().__init__(name="rossi", route="/rossi", host="127.0.0.1", port=int(PORT))
        self.prompt_add_section("Role", "You answer the telephone of ${global_data.shop}.")
        self.prompt_add_section("Rules", bullets=["Be brief.", "Never give prices unasked."])
        self.add_language("English", "en-US", "inworld.Mark", function_fillers=["One moment."])
        self.add_hints(["Rossi"])
        self.add_pronunciation("SKU", "stock number")
        self.set_global_data({"shop": "Rossi and Sons", "orders": []})
        self.set_params(
            {
                "static_greeting": "Rossi and Sons, good morning.",
                "static_greeting_no_barge": True,
                "end_of_speech_timeout": 700,
                "app_name": "rossi",
            }
        )
        self.set_native_functions(["check_time"])
        self.set_post_prompt("Sum the call up as JSON with the key order.")
        self.enable_debug_events(level=1)
        self.on_debug_event(lambda event, data: note("debug", event=event, data=data))
        context = self.define_contexts().add_context("default")
        context.add_step("order").set_text("Ask for the number of the order.").set_step_criteria(
            "The order was found."
        ).set_functions(["find_order"]).set_valid_steps(["help"])
        context.add_step("help").set_text("Help with order ${global_data.order}.").set_functions(
            ["price", "call_sales", "goodbye"]
        )
        price = DataMap("price").purpose("The price of a thing.")
        price.parameter("item", "string", "what it is", required=True)
        price.webhook("GET", f"http://{SHOP}/price/${{enc:url:args.item}}")
        price.output(Result("It costs ${response.euros} euros."))
        price.fallback_output(Result("The shop does not answer."))
        self.register_swaig_function(price.to_swaig_function())
        self.define_tool(
            name="find_order",
            description="Find an order by its number.",
            parameters={"number": {"type": "string", "description": "five digits"}},
            handler=self.find_order,
            secure=True,
        )
        self.define_tool("call_sales", "Call the sales office.", {}, self.call_sales)
        self.define_tool("goodbye", "Say goodbye and hang up.", {}, self.goodbye)

    def find_order(self, arguments: dict[str, Any], raw: dict[str, Any]) -> Any:
        note("find_order", arguments=arguments, raw=raw)
        result = Result(f"Order {arguments['number']} is on its way.")
        result.update_global_data({"order": arguments["number"]})
        result.set_metadata({"asked": 1})
        return result.swml_change_step("help")

    def call_sales(self, arguments: dict[str, Any], raw: dict[str, Any]) -> Any:
        note("call_sales", arguments=arguments, raw=raw)
        result = Result("Tell the caller that you connect them now.", post_process=True)
        return result.connect(SALES, final=False)

    def goodbye(self, arguments: dict[str, Any], raw: dict[str, Any]) -> Any:
        note("goodbye", arguments=arguments, raw=raw)
        return Result("The call is over.").say("Goodbye, and thank you.").hangup()

    def on_summary(self, summary: Any, raw_data: Any = None) -> None:
        note("summary", summary=summary, raw=raw_data)


if __name__ == "__main__":
    Rossi().serve()
