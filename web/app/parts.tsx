// Small parts of views: marks of states, ages, problems, dialogs.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused } from "./api";
import { ageOf, clock } from "./format";
import { now } from "./live";
import { type Right, has, hasEverywhere, hasOn, isPresent } from "./rights";
import { to } from "./route";
import { type Key, t, word } from "./text";
import type { Health, Severity, TaskState } from "./types";

/** A mark: a shape and a colour, so that neither alone has to be told apart. */
export function Mark({ of }: { of: Severity | "well" | "stale" | "unknown" | "failing" }): JSX.Element {
  return (
    <svg class={`mark ${of}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {of === "critical" && <path d="M6 .8 11.6 11H.4Z" />}
      {of === "major" && <path d="M6 .6 11.4 6 6 11.4.6 6Z" />}
      {of === "minor" && <rect x="1.5" y="1.5" width="9" height="9" />}
      {of === "notice" && <circle cx="6" cy="6" r="4.6" />}
      {of === "failing" && <path d="m2 2 8 8m0-8-8 8" class="line" />}
      {of === "stale" && <path d="M1 11 11 1M1 7l6-6M5 11l6-6" class="line thin" />}
      {of === "unknown" && <path d="M3.6 4.2a2.4 2.4 0 1 1 3.4 2.2c-.8.4-1 .8-1 1.6M6 10v.6" class="line" />}
      {of === "well" && <circle cx="6" cy="6" r="2.2" />}
    </svg>
  );
}

const MARK_OF: Record<Health, "well" | "stale" | "unknown" | "failing" | "minor"> = {
  answering: "well",
  failing: "failing",
  stale: "stale",
  partial: "minor",
  "not-understood": "minor",
  unseen: "unknown",
  unobserved: "unknown",
};

export function HealthMark({ of }: { of: Health }): JSX.Element {
  return (
    <span class={`health ${of}`}>
      <Mark of={MARK_OF[of]} /> {word("health", of)}
    </span>
  );
}

export function SeverityMark({ of }: { of: Severity }): JSX.Element {
  return (
    <span class={`severity ${of}`}>
      <Mark of={of} /> {word("severity", of)}
    </span>
  );
}

export function StateMark({ of }: { of: TaskState }): JSX.Element {
  return <span class={`state ${of}`}>{word("task", of)}</span>;
}

/** How old something is, counted on. */
export function Age({ of }: { of: string | undefined }): JSX.Element | null {
  if (!of) return null;
  return (
    <time class="age" dateTime={of} title={clock(of, now.value)}>
      {ageOf(of, now.value)}
    </time>
  );
}

/** Who requested something: a person, or a policy. */
export function By({ of }: { of: { by?: string; policy?: string } }): JSX.Element | null {
  if (of.policy) return <a href={to.policy(of.policy)}>{t("policyBy", { name: of.policy })}</a>;
  return of.by ? <>{of.by}</> : null;
}

export function Time({ of }: { of: string | undefined }): JSX.Element | null {
  if (!of) return null;
  return <time dateTime={of}>{clock(of, now.value)}</time>;
}

export function Trouble({ of }: { of: Refused | undefined }): JSX.Element | null {
  if (!of) return null;
  const { detail, cure, problems } = of.problem;
  return (
    <div class="trouble" role="alert">
      <strong>{detail}</strong>
      {problems?.map((one) => (
        <div key={one.subject}>
          {one.subject}: {one.message}
        </div>
      ))}
      {cure && <div class="cure">{t("hint", { cure })}</div>}
    </div>
  );
}

export function Panel(props: {
  title: string;
  children: ComponentChildren;
  tools?: ComponentChildren;
  class?: string;
}): JSX.Element {
  return (
    <section class={`panel ${props.class ?? ""}`} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.tools && <div class="tools">{props.tools}</div>}
      </header>
      {props.children}
    </section>
  );
}

/** A dialog that keeps the focus, and closes by Escape. */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
  /** Whether a click beside it closes it: nothing is lost. */
  isLight?: boolean;
}): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={props.class}
      aria-label={props.title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => event.target === element.current && props.isLight && props.onClose()}
    >
      <div class="sheet">
        <header>
          <h2>{props.title}</h2>
          <button type="button" class="quiet" onClick={props.onClose} aria-label={t("close")}>
            ✕
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/** Something that is done only after it was read. */
export function Confirm(props: {
  title: string;
  verb: string;
  children: ComponentChildren;
  act: (form: FormData) => Promise<unknown>;
  onClose: () => void;
  onDone: () => void;
}): JSX.Element {
  const [error, setError] = useState<Refused>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      await props.act(new FormData(event.currentTarget as HTMLFormElement));
      props.onClose();
      props.onDone();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form class="fields" onSubmit={submit}>
        {props.children}
        <Trouble of={error} />
        <div class="buttons">
          <button type="button" onClick={props.onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="primary">
            {props.verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A button that does something. It is not there for those who may do this nowhere, nor in the past;
 * where it may be done elsewhere, it says so. */
export function Hand(props: {
  /** The rights of which one is enough. */
  right: readonly Right[];
  /** The targets on which it is needed; without them, everywhere. */
  on?: readonly string[];
  children: ComponentChildren;
  onClick: () => void;
  class?: string;
  label?: string;
  isDisabled?: boolean;
}): JSX.Element | null {
  const { right, on } = props;
  if (!isPresent() || !has(right)) return null;
  const isYours = on ? hasOn(right, on) : hasEverywhere(right);
  return (
    <button
      type="button"
      class={props.class}
      aria-label={props.label}
      disabled={props.isDisabled || !isYours}
      title={isYours ? undefined : t("notYours", { right: right.join(", ") })}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

/** A choice of a few, as a row of buttons. */
export function Choice<T extends string>(props: {
  label: Key;
  of: readonly T[];
  chosen: T;
  text: (one: T) => string;
  onChoose: (one: T) => void;
}): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={t(props.label)}>
      {props.of.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === props.chosen}
          onClick={() => props.onChoose(one)}
        >
          {props.text(one)}
        </button>
      ))}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}

export function Labels({ of }: { of: Record<string, string> }): JSX.Element {
  return (
    <span class="labels">
      {Object.entries(of).map(([key, text]) => (
        <span key={key}>
          <i>{key}</i> {text}
        </span>
      ))}
    </span>
  );
}
