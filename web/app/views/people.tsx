// People who have access: their roles, and their tokens. A new token is shown once, and only when it is
// asked for.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, Refused, put, remove } from "../api";
import { useFetched } from "../fetching";
import { Confirm, Dialog, Hand, Time, Trouble } from "../parts";
import { t } from "../text";

interface Person {
  name: string;
  service?: boolean;
  made?: string;
  roles?: { name: string; role: string; selector?: string }[];
  tokens?: { name: string }[];
}

const ROLES = ["viewer", "observer", "operator", "approver", "inventory", "releaser", "security", "admin", "metrics"];

type Open = { is: "token" | "revoke" | "role"; name: string };

export function PeopleView(): JSX.Element {
  const { data, error, again } = useFetched<Page<Person>>("/v1/people?limit=1000", 30_000);
  const [refused, setRefused] = useState<Refused>();
  const [open, setOpen] = useState<Open>();
  const [shown, setShown] = useState<{ name: string; token: string }>();
  const path = (name: string): string => `/v1/people/${encodeURIComponent(name)}`;
  const renew = async (name: string): Promise<void> => setShown(await put(path(name), undefined));
  const add = async (form: HTMLFormElement): Promise<void> => {
    const name = String(new FormData(form).get("name") ?? "").trim();
    if (!name) return;
    try {
      setRefused(undefined);
      // Whoever is there already keeps their token.
      if (data?.items.some((one) => one.name === name)) return setOpen({ is: "token", name });
      await renew(name);
      form.reset();
      again();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setRefused(failure);
    }
  };
  const give = (name: string, form: FormData): Promise<unknown> => {
    const [role, selector] = [String(form.get("role")), String(form.get("selector") ?? "").trim()];
    const binding = encodeURIComponent(`${name}-${role}`);
    return put(`/v1/bindings/${binding}`, { who: name, role, ...(selector ? { selector } : {}) });
  };
  const dialog = (title: string, verb: string, act: (form: FormData) => Promise<unknown>, body: ComponentChildren): JSX.Element => (
    <Confirm title={title} verb={verb} act={act} onClose={() => setOpen(undefined)} onDone={again}>
      {body}
    </Confirm>
  );
  return (
    <>
      <h1 class="title">{t("people")}</h1>
      <form
        class="toolbar"
        onSubmit={(event) => {
          event.preventDefault();
          void add(event.currentTarget as HTMLFormElement);
        }}
      >
        <label>
          {t("name")} <input name="name" required maxLength={128} />
        </label>
        <button type="submit">{t("addPerson")}</button>
      </form>
      <Trouble of={error ?? refused} />
      <table>
        <thead>
          <tr>
            <th scope="col">{t("name")}</th>
            <th scope="col">{t("roles")}</th>
            <th scope="col">{t("made")}</th>
            <th scope="col">{t("actions")}</th>
          </tr>
        </thead>
        <tbody>
          {data?.items.map(({ name, service, made, roles, tokens }) => (
            <tr key={name}>
              <th scope="row">
                {name} {service && <span class="hint">{t("service")}</span>}
              </th>
              <td>
                {roles?.map((one) => (
                  <div key={one.name}>
                    {one.role}{" "}
                    <span class="hint">{one.selector ? t("onSome", { selector: one.selector }) : t("onAll")}</span>
                  </div>
                ))}
                {!roles?.length && <span class="hint">{made ? t("noRoles") : "admin"}</span>}
              </td>
              <td>
                {made ? <Time of={made} /> : t("inFile")}
                {tokens && tokens.length > 1 && (
                  <span class="hint">
                    {" "}
                    {t("tokens")}: {tokens.length}
                  </span>
                )}
              </td>
              <td>
                {made && (
                  <span class="acts">
                    <Hand right={["people"]} class="small" onClick={() => setOpen({ is: "role", name })}>
                      {t("giveRole")} …
                    </Hand>
                    <Hand right={["people"]} class="small" onClick={() => setOpen({ is: "token", name })}>
                      {t("newToken")} …
                    </Hand>
                    <Hand right={["people"]} class="small" onClick={() => setOpen({ is: "revoke", name })}>
                      {t("revoke")} …
                    </Hand>
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {open?.is === "token" &&
        dialog(`${t("newToken")}: ${open.name}`, t("newToken"), () => renew(open.name), <p>{t("newTokenHint")}</p>)}
      {open?.is === "revoke" &&
        dialog(
          `${t("revoke")}: ${open.name}`,
          t("revoke"),
          () => remove(path(open.name)),
          <p>{t("revokeHint", { name: open.name })}</p>,
        )}
      {open?.is === "role" &&
        dialog(
          `${t("giveRole")}: ${open.name}`,
          t("giveRole"),
          (form) => give(open.name, form),
          <>
            <label>
              {t("roles")}
              <select name="role">
                {ROLES.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <label>
              {t("selector")}
              <input name="selector" placeholder={`${t("onAll")}; rack=A1`} />
            </label>
          </>,
        )}
      {shown && (
        <Dialog title={t("newToken")} onClose={() => setShown(undefined)}>
          <p>{t("tokenOnce", { name: shown.name })}</p>
          <p>
            <code class="token">{shown.token}</code>
          </p>
        </Dialog>
      )}
    </>
  );
}
