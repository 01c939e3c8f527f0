// The session: the token of this tab, and what it may do.

const KEY = "sipagent.token";

class Session extends EventTarget {
  #me = null;

  get token() {
    return sessionStorage.getItem(KEY) || "";
  }

  /** Who the token is: `{name, scopes, verbs}`, or null before sign-in. */
  get me() {
    return this.#me;
  }

  begin(token, me) {
    sessionStorage.setItem(KEY, token);
    this.#me = me;
  }

  know(me) {
    this.#me = me;
  }

  /** Signed out, or thrown out: `why` is told on the page that asks for a token. */
  end(why = "") {
    sessionStorage.removeItem(KEY);
    this.#me = null;
    this.dispatchEvent(new CustomEvent("ended", { detail: why }));
  }

  may(scope) {
    return Boolean(this.#me && this.#me.scopes.includes(scope));
  }

  /** May the token use that verb on a call? */
  mayDo(verb) {
    return this.may("calls:control") && (!this.#me.verbs || this.#me.verbs.includes(verb));
  }
}

export const session = new Session();
