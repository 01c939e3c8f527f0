"""The SDK's own prefab agents, and one with every skill that needs no outside service. SDK names
the package; run as `gallery.py PACKAGE PORT LOG` it serves them all.
"""

import importlib
import os
import sys
from typing import Any

PACKAGE = os.environ.get("SDK") or sys.argv[1]
if len(sys.argv) > 2:  # where a server serves many agents, each must be told where that is
    os.environ["SWML_PROXY_URL_BASE"] = f"http://127.0.0.1:{sys.argv[2]}"
AgentBase: Any = importlib.import_module(PACKAGE).AgentBase
prefabs: Any = importlib.import_module(f"{PACKAGE}.prefabs")

AGENTS = [
    prefabs.ConciergeAgent(
        venue_name="Grand Hotel",
        services=["room service", "spa"],
        amenities={"pool": {"hours": "7 to 22", "location": "second floor"}},
        hours_of_operation={"monday": "9 to 5"},
        special_instructions=["Be kind."],
    ),
    prefabs.FAQBotAgent(
        faqs=[{"question": "When are you open?", "answer": "Nine to five.", "categories": ["time"]}]
    ),
    prefabs.InfoGathererAgent(
        questions=[{"key_name": "name", "question_text": "What is your name?", "confirm": True}]
    ),
    prefabs.ReceptionistAgent(
        departments=[{"name": "sales", "description": "buying", "number": "+15551230000"}]
    ),
    prefabs.SurveyAgent(
        survey_name="Tea",
        questions=[
            {"id": "taste", "text": "How was it?", "type": "rating", "scale": 5},
            {"id": "again", "text": "Again?", "type": "yes_no"},
            {"id": "kind", "text": "Which?", "type": "multiple_choice", "options": ["a", "b"]},
        ],
    ),
]


class Skilled(AgentBase):  # type: ignore[misc]
    """With skills."""

    def __init__(self) -> None:
        super().__init__(name="skilled", route="/skilled")
        self.prompt_add_section("Role", "You know much.")
        self.add_skill("datetime")
        self.add_skill("math")
        self.add_skill("joke", {"api_key": "k"})
        self.add_skill("api_ninjas_trivia", {"api_key": "k", "categories": ["music"]})
        self.add_skill("weather_api", {"api_key": "k"})
        self.add_skill(
            "datasphere_serverless",
            {"space_name": "s", "project_id": "p", "token": "t", "document_id": "d"},
        )
        self.add_skill(
            "play_background_file",
            {"files": [{"key": "m", "description": "music", "url": "https://e.example/m.wav"}]},
        )
        self.add_skill(
            "swml_transfer",
            {"transfers": {"/sales/i": {"url": "https://e.example/swml", "message": "One moment"}}},
        )
        self.add_skill(
            "info_gatherer", {"questions": [{"key_name": "a", "question_text": "What?"}]}
        )


AGENTS.append(Skilled())

if __name__ == "__main__" and len(sys.argv) > 2:
    server = importlib.import_module(PACKAGE).AgentServer("127.0.0.1", int(sys.argv[2]))
    for agent in AGENTS:
        server.register(agent)
    server.run()
elif __name__ == "__main__":
    for agent in AGENTS:
        agent.serve()
