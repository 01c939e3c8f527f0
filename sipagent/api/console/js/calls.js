// How a call stands, folded from its events as the server folds its view.

export function blank(id) {
  return {
    call_id: id, state: "ringing", direction: "inbound", caller: "", callee: "", plan: "", agent: "",
    connected_to: "", on_hold: false, recording: false, started: null, answered: null, ended: null,
    last_speaker: null, last_words: "", interim: null, speaking: "", legs: new Map(),
  };
}

/** What an event changes of it. */
export function change(call, event) {
  Object.assign(call, changes(call, event));
}

function changes(call, event) {
  switch (event.type) {
    case "call_started": {
      const { direction, caller, callee, plan } = event;
      return { direction, caller, callee, plan, started: event.at };
    }
    case "leg_changed":
      if (event.role === "caller") return event.state === "confirmed" ? { state: "up", answered: event.at } : {};
      return event.role === "callee" ? { connected_to: other(call, event) } : {};
    case "hold_changed": return { on_hold: event.held };
    case "recording_started": return { recording: true };
    case "recording_stopped": return { recording: false };
    case "step_started":
    case "agent_changed": return { agent: event.agent };
    case "interim": return { interim: { speaker: event.speaker, text: event.text, start: event.start } };
    case "said":
      return event.text ? { last_speaker: event.speaker, last_words: event.text, interim: null } : { interim: null };
    case "speech_started": return { speaking: event.speaker };
    case "speech_ended": return { speaking: "" };
    case "call_ended":
      return {
        state: "ended", ended: event.at, reason: event.reason, ended_by: event.by, status: event.status,
        recording: false, on_hold: false, interim: null, speaking: "",
      };
    default: return {};
  }
}

/** Who the caller is with: the newest leg that is up. */
function other(call, event) {
  if (event.state === "confirmed") call.legs.set(event.leg, event.remote);
  if (event.state === "disconnected") call.legs.delete(event.leg);
  return [...call.legs.values()].pop() || "";
}
