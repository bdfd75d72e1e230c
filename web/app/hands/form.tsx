// A form from a JSON Schema: what an action wants to know.

import type { JSX } from "preact";
import { isSecret } from "../format";
import { t } from "../text";
import type { Schema } from "../types";

type Values = Record<string, unknown>;

interface Props {
  schema: Schema | undefined;
  values: Values;
  onChange: (values: Values) => void;
}

function Field(props: { name: string; schema: Schema; required: boolean; value: unknown; onChange: (one: unknown) => void }): JSX.Element {
  const { name, schema, required, value, onChange } = props;
  const id = `parameter-${name}`;
  const shared = { id, name, required, "aria-describedby": schema.description ? `${id}-hint` : undefined };
  const text = value === undefined ? "" : String(value);
  const control = (): JSX.Element => {
    if (schema.enum) {
      return (
        <select
          {...shared}
          value={text}
          onChange={(event) => {
            const chosen = schema.enum?.find((one) => String(one) === event.currentTarget.value);
            onChange(chosen);
          }}
        >
          <option value="">{required ? "" : t("optional")}</option>
          {schema.enum.map((one) => (
            <option key={String(one)} value={String(one)}>
              {String(one)}
            </option>
          ))}
        </select>
      );
    }
    if (schema.type === "boolean") {
      return (
        <input {...shared} required={false} type="checkbox" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />
      );
    }
    if (schema.type === "integer" || schema.type === "number") {
      return (
        <input
          {...shared}
          type="number"
          min={schema.minimum}
          max={schema.maximum}
          step={schema.type === "integer" ? 1 : "any"}
          value={text}
          onInput={(event) => {
            const typed = event.currentTarget.value;
            onChange(typed === "" ? undefined : Number(typed));
          }}
        />
      );
    }
    if (isSecret(schema)) {
      return (
        <input
          {...shared}
          type="password"
          autocomplete="new-password"
          minLength={schema.minLength}
          maxLength={schema.maxLength}
          pattern={schema.pattern}
          value={text}
          onChange={(event) => onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
        />
      );
    }
    const isList = schema.type === "array";
    return (
      <input
        {...shared}
        minLength={schema.minLength}
        maxLength={schema.maxLength}
        pattern={isList ? undefined : schema.pattern}
        placeholder={isList ? "a, b" : required ? "" : t("optional")}
        value={isList && Array.isArray(value) ? value.join(", ") : text}
        onChange={(event) => {
          const typed = event.currentTarget.value;
          if (typed === "") onChange(undefined);
          else onChange(isList ? typed.split(",").map((one) => one.trim()).filter(Boolean) : typed);
        }}
      />
    );
  };
  return (
    <label for={id}>
      <span>
        {name}
        {required && " *"}
      </span>
      {control()}
      {schema.description && (
        <span class="hint" id={`${id}-hint`}>
          {schema.description}
        </span>
      )}
    </label>
  );
}

export function SchemaForm({ schema, values, onChange }: Props): JSX.Element | null {
  const fields = Object.entries(schema?.properties ?? {});
  if (fields.length === 0) return null;
  return (
    <fieldset>
      <legend>{t("parameters")}</legend>
      {fields.map(([name, field]) => (
        <Field
          key={name}
          name={name}
          schema={field}
          required={schema?.required?.includes(name) ?? false}
          value={values[name]}
          onChange={(one) => {
            const next = { ...values };
            if (one === undefined) delete next[name];
            else next[name] = one;
            onChange(next);
          }}
        />
      ))}
    </fieldset>
  );
}
