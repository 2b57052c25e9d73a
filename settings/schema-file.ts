import { type Field, stackFields } from "./schema.ts";
import { secretNames } from "./systems.ts";

/** The JSON Schema of a whole `Pulumi.<stack>.yaml`, for editors. */
export function stackFileSchema(): unknown {
  const fields = Object.entries(stackFields().properties ?? {});
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of a Slipway stack (Pulumi.<stack>.yaml)",
    type: "object",
    properties: {
      config: {
        description: "The stack's settings. See docs/settings.md.",
        type: "object",
        properties: Object.fromEntries(
          fields.map(([name, field]) => [
            `slipway:${name}`,
            secretNames.has(name) ? encrypted(field) : forEditors(field),
          ]),
        ),
        // Settings of Pulumi and its providers have namespaces of their own.
        patternProperties: { "^(?!slipway:)[A-Za-z0-9_.-]+:.+$": {} },
        additionalProperties: false,
      },
      secretsprovider: { type: "string", description: "Written by Pulumi." },
      encryptedkey: { type: "string", description: "Written by Pulumi." },
      encryptionsalt: { type: "string", description: "Written by Pulumi; without it nothing encrypted can be read." },
      environment: { description: "Pulumi's own environments, which Slipway does not use." },
    },
    additionalProperties: false,
  };
}

/** Puts what editors do not know into the description and the error message, which they show. */
function forEditors({ unit, caution, variable, allowed, ...shown }: Field): Field {
  const field = { ...shown };
  delete field.question;
  const description = [
    field.description,
    unit && `Unit: ${unit}.`,
    caution && `Caution: ${caution}`,
    variable && `Replaces ${variable}.`,
  ]
    .filter(Boolean)
    .join(" ");
  return {
    ...field,
    ...(description && { description }),
    ...(field.pattern !== undefined && { patternErrorMessage: `must be ${allowed}` }),
    ...(field.properties && {
      properties: Object.fromEntries(Object.entries(field.properties).map(([name, part]) => [name, forEditors(part)])),
    }),
    ...(field.items && { items: forEditors(field.items) }),
    ...(field.oneOf && { oneOf: field.oneOf.map(forEditors) }),
  };
}

/** A secret, whose every value Pulumi has encrypted. */
function encrypted(field: Field): Field {
  const { description = "" } = field;
  if (field.type !== "object") {
    return {
      type: "object",
      description: `${forEditors(field).description ?? description} Set with: pulumi config set --secret.`,
      properties: { secure: { type: "string" } },
      required: ["secure"],
      additionalProperties: false,
    };
  }
  const { additionalProperties } = field;
  return {
    type: "object",
    description,
    ...(typeof additionalProperties === "object" && { additionalProperties: encrypted(additionalProperties) }),
  };
}
