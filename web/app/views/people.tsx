// People who have access. A new token is shown once, and only when it is asked for.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, Refused, put, remove } from "../api";
import { useFetched } from "../fetching";
import { Dialog, Time, Trouble } from "../parts";
import { t } from "../text";

interface Person {
  name: string;
  made?: string;
}

export function PeopleView(): JSX.Element {
  const { data, error, again } = useFetched<Page<Person>>("/v1/people?limit=1000", 30_000);
  const [refused, setRefused] = useState<Refused>();
  const [shown, setShown] = useState<{ name: string; token: string }>();
  const attempt = async (what: () => Promise<unknown>): Promise<void> => {
    try {
      setRefused(undefined);
      await what();
      again();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setRefused(failure);
    }
  };
  const renew = (name: string): Promise<void> =>
    attempt(async () => setShown(await put(`/v1/people/${encodeURIComponent(name)}`, undefined)));
  return (
    <>
      <h1 class="title">{t("people")}</h1>
      <form
        class="toolbar"
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget as HTMLFormElement;
          const name = String(new FormData(form).get("name") ?? "").trim();
          if (name) void renew(name).then(() => form.reset());
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
            <th scope="col">{t("made")}</th>
            <th scope="col">{t("actions")}</th>
          </tr>
        </thead>
        <tbody>
          {data?.items.map(({ name, made }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{made ? <Time of={made} /> : t("inFile")}</td>
              <td>
                {made && (
                  <span class="acts">
                    <button type="button" class="small" onClick={() => void renew(name)}>
                      {t("newToken")}
                    </button>
                    <button type="button" class="small" onClick={() => void attempt(() => remove(`/v1/people/${encodeURIComponent(name)}`))}>
                      {t("revoke")}
                    </button>
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
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
