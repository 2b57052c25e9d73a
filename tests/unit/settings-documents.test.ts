import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { parse } from "yaml";

import { generatedFiles } from "../../settings/generate.ts";
import { parseStack } from "../../settings/parse.ts";
import { SettingsError } from "../../settings/problems.ts";
import { type Field, stackFields } from "../../settings/schema.ts";
import { readStackFile } from "../../settings/stack-file.ts";
import { secretNames, systemNames, type SystemName } from "../../settings/systems.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The variables of each system's documentation, with the defaults there. */
const documented: Record<SystemName, Record<string, unknown>> = {
  // "Docker Environment variables" and "Installer Environment variables", and what its .env file and installer know besides.
  camcops: {
    CAMCOPS_DOCKER_CAMCOPS_CONFIG_FILENAME: "camcops.conf",
    CAMCOPS_DOCKER_CAMCOPS_HOST_PORT: 443,
    CAMCOPS_DOCKER_CAMCOPS_INTERNAL_PORT: 8000,
    CAMCOPS_DOCKER_CONFIG_HOST_DIR: undefined,
    CAMCOPS_DOCKER_FLOWER_HOST_PORT: 5555,
    CAMCOPS_DOCKER_INSTALL_USER_ID: 1000,
    CAMCOPS_DOCKER_MYSQL_DATABASE_NAME: "camcops",
    CAMCOPS_DOCKER_MYSQL_HOST_PORT: 3306,
    CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD: undefined,
    CAMCOPS_DOCKER_MYSQL_USER_NAME: "camcops",
    CAMCOPS_DOCKER_MYSQL_USER_PASSWORD: undefined,
    CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER: true,
    CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE: undefined,
    CAMCOPS_INSTALLER_MYSQL_PORT: 3306,
    CAMCOPS_INSTALLER_MYSQL_SERVER: undefined,
    CAMCOPS_INSTALLER_SUPERUSER_PASSWORD: undefined,
    CAMCOPS_INSTALLER_SUPERUSER_USERNAME: "admin",
    CAMCOPS_INSTALLER_USE_HTTPS: true,
    CAMCOPS_INSTALLER_X509_COUNTRY_NAME: undefined,
    CAMCOPS_INSTALLER_X509_DNS_NAME: ["localhost"],
    CAMCOPS_INSTALLER_X509_LOCALITY_NAME: undefined,
    CAMCOPS_INSTALLER_X509_ORGANIZATION_NAME: undefined,
    CAMCOPS_INSTALLER_X509_STATE_OR_PROVINCE_NAME: undefined,
    COMPOSE_PROJECT_NAME: "camcops",
    CAMCOPS_DOCKER_IMAGE_TAG: undefined,
    CAMCOPS_INSTALLER_SSL_CERTIFICATE: undefined,
    CAMCOPS_INSTALLER_SSL_PRIVATE_KEY: undefined,
  },
  // The .env file and the settings of its applications.
  coped: {
    ALLOWED_HOSTS: ["localhost"],
    COMPOSE_PROJECT_NAME: "coped",
    CSRF_TRUSTED_ORIGINS: [],
    DJANGO_SECRET_KEY: undefined,
    DJANGO_SETTINGS_MODULE: undefined,
    ELASTICSEARCH_PASSWORD: undefined,
    POSTGRES_DB: "coped",
    POSTGRES_PASSWORD: undefined,
    POSTGRES_USER: "coped",
  },
  // The variables that its images and "Docker Configuration" know.
  ocs: {
    INSTANCE_ID: undefined,
    LOGLEVEL: "info",
    OCS_ADDRESS_ROOT: "observatory",
    OCS_CONFIG_DIR: undefined,
    OCS_CROSSBAR_PORT: 8001,
    OCS_CROSSBAR_REALM: "test_realm",
  },
  // What "Howto: Docker" and the compose files have their users set.
  siddata: {
    ALLOWED_HOSTS: ["localhost"],
    COMPOSE_GID: undefined,
    COMPOSE_PROJECT_NAME: "siddata",
    COMPOSE_UID: 1000,
    CSRF_TRUSTED_ORIGINS: [],
    DJANGO_SETTINGS_MODULE: undefined,
    MODEL_NAME: "siddata",
    POSTGRES_DB: "siddata",
    POSTGRES_USER: "siddata",
  },
};

/** Every field with its name, groups included; of a list, those of its items. */
function allFields(field: Field, name = ""): [string, Field][] {
  const within = (field.oneOf ?? [field.items ?? field]).flatMap(({ properties }) => Object.entries(properties ?? {}));
  return [[name, field], ...within.flatMap(([part, value]) => allFields(value, part))];
}

/** The fields that a stack with one system can have. */
function fieldsOf(system: SystemName): [string, Field][] {
  const others = systemNames.filter((name) => name !== system);
  const isOther = (name: string) =>
    others.some((other) => name === other || (secretNames.has(name) && name.startsWith(other)));
  return Object.entries(stackFields().properties ?? {})
    .filter(([name]) => !isOther(name))
    .flatMap(([name, field]) => allFields(field, name));
}

/** The text with one commented-out setting after the other taken in; not those that stand there already, in another way. */
function commentsTakenIn(text: string): { key: string; text: string }[] {
  const lines = text.split("\n");
  return lines.flatMap((line, start) => {
    const [, indent, key] = /^( +)# ([a-z]\w*(?::[a-z]\w*)?):(?: |$)/.exec(line) ?? [];
    if (indent === undefined || key === undefined || lines.includes(`${indent}${key}:`)) return [];
    const rest = lines.slice(start + 1);
    const count = rest.findIndex((next) => !next.startsWith(`${indent}#  `));
    const taken = [line, ...rest.slice(0, count)].map((part) => part.replace("# ", ""));
    return [{ key, text: [...lines.slice(0, start), ...taken, ...rest.slice(count)].join("\n") }];
  });
}

function problemKeys(text: string, stack: string): string[] {
  try {
    parseStack(readStackFile(stack, text));
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems.map(({ key }) => key);
    throw error;
  }
}

describe("settings' documents", () => {
  for (const [path, text] of Object.entries(generatedFiles())) {
    it(`${path} is what npm run generate makes`, () => {
      assert.equal(read(path), text);
    });
  }

  it("describe every field", () => {
    const [, ...fields] = allFields(stackFields());
    assert.deepEqual(
      fields.filter(([, { description }]) => !description).map(([name]) => name),
      [],
    );
  });

  for (const system of systemNames) {
    it(`give every variable of the documentation of ${system} a home with the documented default`, () => {
      const homes = fieldsOf(system).flatMap(([, { variable, default: value }]) =>
        variable === undefined ? [] : [[variable, value] as const],
      );
      const names = Object.keys(documented[system]).sort();
      assert.deepEqual([...new Set(homes.map(([variable]) => variable))].sort(), names);
      for (const [variable, value] of homes) assert.deepEqual(value, documented[system][variable], variable);
      for (const name of names) assert.match(read("docs/settings.md"), new RegExp(`^\\| \`${name}\` \\| \``, "m"));
    });
  }

  it("hold patterns that editors can read, whichever way they compile them", () => {
    for (const [name, { pattern, items }] of allFields(stackFields())) {
      for (const each of [pattern, items?.pattern]) {
        if (each === undefined) continue;
        assert.doesNotThrow(() => new RegExp(each, "u"), name);
        assert.doesNotMatch(each, /\\p/, name);
      }
    }
  });

  const schema = z.fromJSONSchema(JSON.parse(read("schemas/stack.schema.json")) as z.core.JSONSchema.JSONSchema);

  const paths = readdirSync(root).filter((name) => /^Pulumi\..+\.yaml$/.test(name));
  for (const path of paths) {
    const text = read(path);
    const stack = path.slice("Pulumi.".length, -".yaml".length);
    const { values } = readStackFile(stack, text);

    describe(path, () => {
      it("loads without problems", () => {
        assert.match(stack, new RegExp(`(^|-)${parseStack(readStackFile(stack, text)).environment}$`));
      });

      it("names its schema in the first line and fits it", () => {
        assert.match(text, /^# yaml-language-server: \$schema=\.\/schemas\/stack\.schema\.json\n/);
        assert.deepEqual(schema.safeParse(parse(text)).error?.issues, undefined);
      });

      it("shows every setting", () => {
        const fields = systemNames.filter((name) => name in values).flatMap(fieldsOf);
        assert.deepEqual(
          fields.filter(([name]) => !new RegExp(`[ :{.]${name}\\b`).test(text)).map(([name]) => name),
          [],
        );
      });

      it("stays valid with any of its commented-out settings taken in", () => {
        // These go with another setting, as the comments above them say.
        const withAnother = [
          "camcops.mysql.server",
          "camcops.configDirectory",
          "ocs.crossbar.server",
          "ocs.influxdb.server",
          "ocs.agents[0].agentClass",
          "ocs.agents[0].arguments",
        ];
        const variants = commentsTakenIn(text);
        assert.ok(variants.length > 8, "the comments are found");
        for (const { key, text: changed } of variants) {
          const problems = problemKeys(changed, stack).filter((problem) => !withAnother.includes(problem));
          assert.deepEqual(problems, [], key);
        }
      });
    });
  }

  it("refuse in the schema what the loader refuses", () => {
    const refused = [
      { "slipway:camcops": { hostPrt: 1 } },
      { "slipway:camcops": { hostPort: 99999 } },
      { "slipway:camcops": { certificate: { kind: "self-signed", country: "GBR" } } },
      { "slipway:camcopsFlowerPassword": "plain" },
      { "slipway:camcopsSecretConfig": { site: { EMAIL_HOST_PASSWORD: "plain" } } },
      { "slipway:hots": "x" },
    ];
    for (const config of refused) assert.equal(schema.safeParse({ config }).success, false, JSON.stringify(config));
    assert.ok(
      schema.safeParse({ config: { "slipway:camcopsFlowerPassword": { secure: "v1:x" }, "docker:host": "x" } }).success,
    );
  });
});
