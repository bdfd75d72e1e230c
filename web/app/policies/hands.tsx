// What people do with policies: test them on the past, arm them for a time, take their hands off.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, post } from "../api";
import { clock } from "../format";
import { Dialog, Hand, Trouble } from "../parts";
import { CONTROL, has, isPresent } from "../rights";
import { to } from "../route";
import { me } from "../session";
import { type Key, t, word } from "../text";
import type { Policy, PolicyTest } from "../types";

const base = (name: string): string => `/v1/policies/${encodeURIComponent(name)}`;
const SINCE = ["1h", "24h", "168h", "720h"] as const;
const LASTS = ["1h", "8h", "24h", "168h", "720h"] as const;

/** The fields of a form, by name; what is empty is left out. */
function fields(form: EventTarget | null): Record<string, string> {
  const found = [...new FormData(form as HTMLFormElement)].map(([key, one]) => [key, String(one).trim()] as const);
  return Object.fromEntries(found.filter(([, one]) => one));
}

/** A form that sends something, and says what was refused. */
function useAttempt(): { error: Refused | undefined; isBusy: boolean; attempt: (what: () => Promise<void>) => void } {
  const [error, setError] = useState<Refused>();
  const [isBusy, setBusy] = useState(false);
  const attempt = (what: () => Promise<void>): void => {
    setBusy(true);
    setError(undefined);
    what()
      .catch((failure: unknown) => {
        if (!(failure instanceof Refused)) throw failure;
        setError(failure);
      })
      .finally(() => setBusy(false));
  };
  return { error, isBusy, attempt };
}

function Why({ isRequired }: { isRequired?: boolean }): JSX.Element {
  return (
    <label>
      {t("why")}
      <input name="why" maxLength={1000} required={isRequired} placeholder={isRequired ? "" : t("optional")} />
    </label>
  );
}

/** What a policy would have done. */
export function TestResult({ of }: { of: PolicyTest }): JSX.Element {
  return (
    <>
      <p role="status">
        <b>{t("testSum", { n: of.act_count, episodes: of.episodes })}</b>{" "}
        {t("testDecisions", { n: of.decisions, blind: of.blind })}
      </p>
      {of.acts.length > 0 && (
        <div class="plan" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("time")}</th>
                <th scope="col">{t("decision")}</th>
                <th scope="col">{t("why")}</th>
              </tr>
            </thead>
            <tbody>
              {of.acts.map((one) => (
                <tr key={`${one.at}/${one.target}`}>
                  <th scope="row">{clock(one.at)}</th>
                  <td>{word("decision", one.decision)}</td>
                  <td>
                    {one.target} {one.why}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

type Step = { is: "test" } | { is: "tested"; test: PolicyTest } | { is: "arm"; token: string } | { is: "second"; token: string };

/** From a test, over its result, to a policy that is armed. */
export function TestAndArm(props: {
  policy: Policy;
  /** The token of a test that somebody else has made, and asked for. */
  token: string | undefined;
  onTested: (test: PolicyTest) => void;
  onClose: () => void;
  onDone: () => void;
}): JSX.Element {
  const { name } = props.policy.policy;
  const [step, setStep] = useState<Step>(props.token ? { is: "arm", token: props.token } : { is: "test" });
  const { error, isBusy, attempt } = useAttempt();
  const test = (event: SubmitEvent): void => {
    event.preventDefault();
    const { since } = fields(event.currentTarget);
    attempt(async () => {
      const found = await post<PolicyTest>(`${base(name)}/test`, { since });
      props.onTested(found);
      setStep({ is: "tested", test: found });
    });
  };
  const arm = (event: SubmitEvent, token: string): void => {
    event.preventDefault();
    const { for: lasts, why, mode } = fields(event.currentTarget);
    attempt(async () => {
      const body = { token, for: lasts, advise: mode === "advise", ...(why ? { why } : {}) };
      const armed = await post<{ needs_second: boolean }>(`${base(name)}/arm`, body);
      props.onDone();
      if (armed.needs_second) setStep({ is: "second", token });
      else props.onClose();
    });
  };
  return (
    <Dialog title={`${t(step.is === "arm" ? "arm" : "test")}: ${name}`} onClose={props.onClose} class="hands">
      {step.is === "test" && (
        <form class="fields" onSubmit={test}>
          <p>{t("testHint")}</p>
          <label>
            {t("since")}
            <select name="since" defaultValue="24h">
              {SINCE.map((one) => (
                <option key={one} value={one} selected={one === "24h"}>
                  {word("for", one)}
                </option>
              ))}
            </select>
          </label>
          <Trouble of={error} />
          <div class="buttons">
            <button type="submit" class="primary" disabled={isBusy}>
              {isBusy ? t("loading") : t("test")}
            </button>
          </div>
        </form>
      )}
      {step.is === "tested" && (
        <>
          <TestResult of={step.test} />
          {!step.test.token && <p class="note">{t("partTested", { count: step.test.instances, of: step.test.of })}</p>}
          <div class="buttons">
            <button type="button" onClick={() => setStep({ is: "test" })}>
              {t("back")}
            </button>
            {step.test.token && (
              <Hand right={["control:high"]} class="primary" onClick={() => setStep({ is: "arm", token: step.test.token! })}>
                {t("arm")} …
              </Hand>
            )}
          </div>
        </>
      )}
      {step.is === "arm" && (
        <form class="fields" onSubmit={(event) => arm(event, step.token)}>
          {props.policy.asked_by && <p class="note">{t("askedBy", { by: props.policy.asked_by })}</p>}
          <p>{t("armHint")}</p>
          <div class="pair">
            <label>
              {t("for")}
              <select name="for">
                {LASTS.map((one) => (
                  <option key={one} value={one} selected={one === "8h"}>
                    {word("for", one)}
                  </option>
                ))}
              </select>
            </label>
            <label>
              {t("mode")}
              <select name="mode">
                <option value="armed">{t("itActs")}</option>
                <option value="advise">{t("itAdvises")}</option>
              </select>
            </label>
          </div>
          <Why />
          <Trouble of={error} />
          <div class="buttons">
            <button type="submit" class="primary danger" disabled={isBusy}>
              {t("arm")}
            </button>
          </div>
        </form>
      )}
      {step.is === "second" && (
        <>
          <p class="note" role="status">
            {t("needsSecond", { by: me.value ?? "" })}
          </p>
          <p>
            <code class="token">{`${location.origin}${to.policy(name)}?result=${encodeURIComponent(step.token)}`}</code>
          </p>
          <div class="buttons">
            <button type="button" class="primary" onClick={props.onClose}>
              {t("close")}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}

/** Something that wants a reason: into shadow, off, all hands off, on again. */
export function ReasonDialog(props: {
  title: string;
  says: Key;
  verb: Key;
  path: string;
  isDangerous?: boolean;
  onClose: () => void;
  onDone: () => void;
}): JSX.Element {
  const { error, isBusy, attempt } = useAttempt();
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          const body = fields(event.currentTarget);
          attempt(async () => {
            await post(props.path, body);
            props.onDone();
            props.onClose();
          });
        }}
      >
        <p>{t(props.says)}</p>
        <Why />
        <Trouble of={error} />
        <div class="buttons">
          <button type="submit" class={`primary ${props.isDangerous ? "danger" : ""}`} disabled={isBusy}>
            {t(props.verb)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Takes all hands off, after a reason that may be left out. */
export function StopAll({ onDone }: { onDone: () => void }): JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  if (!isPresent() || !has(CONTROL)) return null;
  return (
    <>
      <button type="button" class="danger" onClick={() => setOpen(true)}>
        {t("stopAll")} …
      </button>
      {isOpen && (
        <ReasonDialog
          title={t("stopAll")}
          says="stopAllHint"
          verb="stopAll"
          path="/v1/smart-control/stop"
          isDangerous
          onClose={() => setOpen(false)}
          onDone={onDone}
        />
      )}
    </>
  );
}

/** How long H is held, in milliseconds. */
const HOLD = 1000;

/** H, held for a second, takes all hands off, wherever one is. */
export function HandsOffKey(): JSX.Element | null {
  const [state, setState] = useState<"held" | "done" | Refused>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const letGo = (): void => {
      clearTimeout(timer);
      timer = undefined;
      setState((before) => (before === "held" ? undefined : before));
    };
    const press = (event: KeyboardEvent): void => {
      const isTyping = (event.target as Element).matches("input, textarea, select");
      if (event.key !== "H" || event.repeat || isTyping || !isPresent() || !has(CONTROL)) return;
      setState("held");
      timer = setTimeout(() => {
        post("/v1/smart-control/stop", { why: t("byKey") }).then(
          () => setState("done"),
          (failure: unknown) => {
            if (!(failure instanceof Refused)) throw failure;
            setState(failure);
          },
        );
      }, HOLD);
    };
    const release = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() === "h" || event.key === "Shift") letGo();
    };
    addEventListener("keydown", press);
    addEventListener("keyup", release);
    addEventListener("blur", letGo);
    return () => {
      letGo();
      removeEventListener("keydown", press);
      removeEventListener("keyup", release);
      removeEventListener("blur", letGo);
    };
  }, []);
  if (state === undefined) return null;
  return (
    <div class={`hold ${state === "held" ? "held" : ""}`} role="status">
      {state === "held" ? t("holdOn") : state === "done" ? t("handsOff") : <Trouble of={state} />}
      {state !== "held" && (
        <button type="button" class="small" onClick={() => setState(undefined)}>
          {t("close")}
        </button>
      )}
    </div>
  );
}
