// Logging in: by the identity provider if there is one, or a token for a session.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, get, logIn } from "../api";
import { Trouble } from "../parts";
import { hasEnded, identify, leave } from "../session";
import { t } from "../text";
import type { LoginOptions } from "../types";

export function LogIn(): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<Refused>();
  const [isBusy, setBusy] = useState(false);
  const [options, setOptions] = useState<LoginOptions>({});
  useEffect(() => {
    // Without an answer there are tokens.
    get<LoginOptions>("/v1/login").then(setOptions, () => {});
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const input = field.current;
    const token = input?.value.trim();
    if (!input || !token) return;
    setBusy(true);
    // Whatever comes of it, the token is not on the page any more.
    input.value = "";
    try {
      await logIn(token);
      hasEnded.value = false;
      await identify();
      setBusy(false);
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
      setBusy(false);
      input.focus();
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" /> utakata
        </h1>
        {hasEnded.value && <p>{t("sessionEnded")}</p>}
        {options.browser && (
          <>
            <a class="button primary" href={options.browser} onClick={leave}>
              {t("logInWith", { name: options.provider ?? "" })}
            </a>
            <p class="hint">{t("orByToken")}</p>
          </>
        )}
        <label for="token">{t("token")}</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
          aria-describedby="token-hint"
        />
        <p id="token-hint" class="hint">
          {t("tokenHint")}
        </p>
        <Trouble of={error} />
        <button type="submit" class={options.browser ? "" : "primary"} disabled={isBusy}>
          {t("logIn")}
        </button>
      </form>
    </main>
  );
}
