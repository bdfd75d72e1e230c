// What a policy is and does, in a few words.

import type { JSX } from "preact";
import { age, clock } from "../format";
import { now } from "../live";
import { t, word } from "../text";
import type { LimitUse, Policy, PolicyInstance } from "../types";

/** The mode: what it may do, until when. */
export function ModeMark({ of }: { of: Policy }): JSX.Element {
  const { mode, until, hands_back: handsBack, stopped } = of;
  const shown = handsBack ? "hands-back" : stopped ? "stopped" : mode;
  return (
    <span class={`policy-mode is-${shown}`}>
      {word("mode", shown)}
      {until && (
        <span class="hint" title={clock(until, now.value)}>
          {" "}
          {t("stillFor", { n: age((Date.parse(until) - now.value) / 1000) })}
        </span>
      )}
    </span>
  );
}

/** What is left of a limit. */
export function Use({ of }: { of: LimitUse }): JSX.Element {
  const left = Math.max(0, of.max - of.used);
  return (
    <span class={`use ${left === 0 ? "none-left" : ""}`}>
      <meter min={0} max={of.max} value={of.used} aria-label={of.limit} />{" "}
      {t("left", { n: left, limit: of.limit })}
    </span>
  );
}

/** The limit of which least is left. */
export function tightest(uses: readonly LimitUse[] | undefined): LimitUse | undefined {
  const left = ({ used, max }: LimitUse): number => (max - used) / Math.max(1, max);
  return [...(uses ?? [])].sort((a, b) => left(a) - left(b))[0];
}

/** What it has changed, or would have. */
export function changesText(instances: readonly PolicyInstance[]): string {
  const changes = instances.flatMap((one) => one.changes ?? []);
  const [first] = changes;
  if (!first) return "";
  const what = `${word("stage", first.stage)}: ${first.action} ${first.target}${first.outlet ? ` ${first.outlet}` : ""}`;
  return changes.length > 1 ? `${what} +${changes.length - 1}` : what;
}

/** The instance that does most. */
export function busiest(instances: readonly PolicyInstance[]): PolicyInstance | undefined {
  const order = ["stop", "act", "back", "hold", "nothing"];
  return [...instances].sort((a, b) => order.indexOf(a.decision) - order.indexOf(b.decision))[0];
}
