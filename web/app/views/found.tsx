// What discovery has found: new things become targets, or are dismissed; and the way to ask addresses.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, Refused, post } from "../api";
import { useFetched } from "../fetching";
import { Age, Confirm, Empty, Hand, Panel, Trouble } from "../parts";
import { t, word } from "../text";

/** Something that discovery has found, as it would become a target. */
interface Proposal {
  id: string;
  state: "new" | "moved" | "replaced" | "known" | "dismissed";
  name: string;
  vendor?: string;
  model?: string;
  serial?: string;
  ways: { kind: string; address: string; description?: string; credential?: string; wants_credential: boolean }[];
  target?: string;
  was?: string;
  first: string;
  last: string;
}

interface Discovery {
  id: string;
  state: "running" | "done" | "cancelled";
  request: { addresses: string };
  addresses: number;
  kinds: { kind: string; asked: number; found: number; problem?: string }[];
  by: string;
  begun: string;
}

const OPEN = ["new", "moved", "replaced"];

/** What somebody has written; nothing if it is empty. */
const written = (form: FormData, name: string): string | undefined => String(form.get(name) ?? "").trim() || undefined;

/** Labels as they are written: rack=A1, room=north. */
function labelsOf(text = ""): Record<string, string> {
  const pairs = text.split(",").map((one) => one.split("=").map((part) => part.trim()));
  return Object.fromEntries(pairs.filter(([key]) => key).map(([key = "", value = ""]) => [key, value]));
}

/** A discovery that was begun, and how far it is. */
function Runs({ list, again }: { list: Discovery[]; again: () => void }): JSX.Element | null {
  const [error, setError] = useState<Refused>();
  if (list.length === 0) return null;
  const cancel = (id: string): void => {
    post(`/v1/discoveries/${id}/cancel`).then(again, (failure: unknown) => {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    });
  };
  return (
    <Panel title={t("discoveries")}>
      <Trouble of={error} />
      <ul class="plain rows">
        {list.toReversed().slice(0, 5).map((one) => (
          <li key={one.id}>
            <b>{one.request.addresses}</b>
            <span>
              {word("discovery", one.state)}:{" "}
              {one.kinds.map(({ kind, asked, found, problem }) => (
                <span key={kind}>
                  {t("askedFound", { kind, asked, of: one.addresses, found })} {problem && <span class="bad">{problem}</span>}{" "}
                </span>
              ))}
              <span class="hint">{one.by}</span>
            </span>
            <Age of={one.begun} />
            {one.state === "running" && (
              <Hand right={["inventory"]} class="small" onClick={() => cancel(one.id)}>
                {t("cancel")}
              </Hand>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

type Asked = { is: "discover" } | { is: "accept" | "dismiss"; of: Proposal };

/** What is asked before something is done. */
function Sheet({ of, onClose, onDone }: { of: Asked; onClose: () => void; onDone: () => void }): JSX.Element {
  const close = { onClose, onDone };
  if (of.is === "discover") {
    const begin = (form: FormData): Promise<unknown> => {
      const [kinds, port] = [written(form, "kinds"), written(form, "port")];
      return post("/v1/discoveries", {
        addresses: written(form, "addresses"),
        kinds: kinds?.split(",").map((one) => one.trim()) ?? [],
        zone: written(form, "zone"),
        credential: written(form, "credential"),
        ...(port ? { port: Number(port) } : {}),
      });
    };
    return (
      <Confirm title={t("discover")} verb={t("discover")} act={begin} {...close}>
        <p>{t("discoverHint")}</p>
        <Field name="addresses" hint="10.0.3.0/24, 10.0.4.7" isRequired />
        <Field name="kinds" hint={t("allKinds")} />
        <Field name="zone" hint="default" />
        <Field name="port" hint={t("optional")} />
        <Field name="credential" hint={t("optional")} />
      </Confirm>
    );
  }
  const { id, name, state, ways, target, was } = of.of;
  const path = `/v1/proposals/${encodeURIComponent(id)}/${of.is}`;
  if (of.is === "dismiss") {
    return (
      <Confirm title={`${t("dismiss")}: ${name}`} verb={t("dismiss")} act={() => post(path)} {...close}>
        <p>{t("dismissHint")}</p>
      </Confirm>
    );
  }
  const accept = (form: FormData): Promise<unknown> =>
    post(path, {
      name: written(form, "name"),
      kind: written(form, "kind"),
      labels: labelsOf(written(form, "labels")),
      credential: written(form, "credential"),
    });
  return (
    <Confirm title={`${t("accept")}: ${name}`} verb={t("accept")} act={state === "new" ? accept : () => post(path)} {...close}>
      {state === "new" ? (
        <>
          <Field name="name" value={name} isRequired />
          <label>
            {t("kind")}
            <select name="kind">
              {ways.map(({ kind, address }) => (
                <option key={kind + address} value={kind}>
                  {kind} {address}
                </option>
              ))}
            </select>
          </label>
          <Field name="labels" hint="room=north, rack=A1" />
          <Field name="credential" value={ways[0]?.credential ?? ""} hint={t("optional")} />
        </>
      ) : (
        <p>{t(state === "moved" ? "movedHint" : "replacedHint", { target: target ?? name, was: was ?? "", address: ways[0]?.address ?? "" })}</p>
      )}
    </Confirm>
  );
}

function Field(props: {
  name: "addresses" | "kinds" | "zone" | "port" | "credential" | "name" | "labels";
  hint?: string;
  value?: string;
  isRequired?: boolean;
}): JSX.Element {
  return (
    <label>
      {t(props.name)}
      <input name={props.name} placeholder={props.hint} defaultValue={props.value} required={props.isRequired} />
    </label>
  );
}

export function FoundView(): JSX.Element {
  const runs = useFetched<Page<Discovery>>("/v1/discoveries?limit=1000", 2000);
  const found = runs.data?.items.flatMap(({ kinds }) => kinds.map((one) => one.found)).join();
  const proposals = useFetched<Page<Proposal>>("/v1/proposals?limit=1000", 10_000, found);
  const [isAll, setAll] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const list = proposals.data?.items ?? [];
  const shown = list.filter(({ state }) => isAll || OPEN.includes(state));
  const again = (): void => {
    runs.again();
    proposals.again();
  };
  return (
    <>
      <h1 class="title">
        {t("proposals")} <a class="hint" href="/inventory">{t("inventory")}</a>
      </h1>
      <div class="toolbar">
        <Hand right={["inventory"]} class="primary" onClick={() => setAsked({ is: "discover" })}>
          {t("discover")} …
        </Hand>
        <button type="button" aria-pressed={isAll} onClick={() => setAll(!isAll)}>
          {t("decidedToo")}
        </button>
      </div>
      <Trouble of={proposals.error ?? runs.error} />
      {proposals.data && shown.length === 0 && <Empty>{t("nothingFound")}</Empty>}
      {shown.length > 0 && (
        <table>
          <thead>
            <tr>
              {(["name", "state", "kind", "address", "whatItIs", "lastSeen", "actions"] as const).map((key) => (
                <th key={key} scope="col">
                  {t(key)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.id}>
                <th scope="row">{one.name}</th>
                <td>{word("proposal", one.state)}</td>
                <td>{one.ways.map(({ kind }) => kind).join(", ")}</td>
                <td>{one.ways[0]?.address}</td>
                <td>{[one.vendor, one.model, one.serial].filter(Boolean).join(" ") || one.ways[0]?.description}</td>
                <td>
                  <Age of={one.last} />
                </td>
                <td>
                  {OPEN.includes(one.state) && (
                    <>
                      <Hand right={["inventory"]} class="small" label={`${t("accept")} ${one.name}`} onClick={() => setAsked({ is: "accept", of: one })}>
                        {t("accept")} …
                      </Hand>{" "}
                      <Hand right={["inventory"]} class="small" label={`${t("dismiss")} ${one.name}`} onClick={() => setAsked({ is: "dismiss", of: one })}>
                        {t("dismiss")} …
                      </Hand>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Runs list={runs.data?.items ?? []} again={again} />
      {asked && <Sheet of={asked} onClose={() => setAsked(undefined)} onDone={again} />}
    </>
  );
}
