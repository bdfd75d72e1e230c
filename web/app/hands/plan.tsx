// What a plan would do: to which targets, and what each has today.

import type { JSX } from "preact";
import { value } from "../format";
import { Mark } from "../parts";
import { t } from "../text";
import type { PlannedTask } from "../types";

export function PlanTable({ targets }: { targets: PlannedTask[] }): JSX.Element {
  return (
    <div class="plan" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("target")}</th>
            <th scope="col">{t("today")}</th>
            <th scope="col">{t("release")}</th>
          </tr>
        </thead>
        <tbody>
          {targets.slice(0, 200).map((one) => (
            <tr key={one.target}>
              <th scope="row">{one.target}</th>
              <td>
                {one.today === undefined ? (
                  <span class="hint">
                    <Mark of="unknown" /> {t("unknown")}
                  </span>
                ) : (
                  <>
                    <b>{value(one.today, one.unit)}</b> <span class="hint">{one.metric}</span>
                  </>
                )}
              </td>
              <td class="hint">
                {one.release.kind}@{one.release.version}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {targets.length > 200 && <p class="hint">+ {targets.length - 200}</p>}
    </div>
  );
}
