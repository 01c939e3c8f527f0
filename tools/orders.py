"""An example of a tool: a plain async function. A real one would ask the shop's system."""

from sipagent.errors import ToolError
from sipagent.tools import tool

ORDERS = {
    "1001": "on its way, and will arrive tomorrow",
    "1002": "being made, and will leave the workshop on Friday",
}


@tool
async def lookup_order(order_number: str) -> str:
    """Look up where an order is.

    Args:
        order_number: The number on the order confirmation, digits only.
    """
    state = ORDERS.get(order_number.strip())
    if state is None:
        raise ToolError(f"There is no order {order_number}. Ask for the number again.")
    return f"Order {order_number} is {state}."
