import type { SystemName } from "../settings/systems.ts";
import { isServersOwn } from "../settings/postgresql.ts";
import type { ComposeDatabase, ComposeProject } from "./import.ts";
import { nowhere, setting, takeVariables, type Home, type VariableSettings } from "./variable-homes.ts";
import type { Variable } from "./variables-file.ts";

/** How a system with a Django application and PostgreSQL is set up. */
export interface DjangoHomes {
  system: "coped" | "siddata";
  /** The group of the application's settings. */
  application: string;
  /** The database's service in the Compose file, and the group of its settings and the secret that take it over. */
  database: Pick<ComposeDatabase, "service" | "otherServices" | "volume"> & { group: string; password: string };
  /** Where the system's own variables are; undefined for any other, which goes to the application. */
  homeOf: (name: string, value: string) => Home | undefined;
}

/** What may be a password or key by its name; a public one is none. */
const secretName =
  /PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|PRIVATE|(?:^|_)(?:PASS|PWD|DSN)(?:_|$)|(?:^|_)(?:API|ACCESS|AUTH|ENCRYPTION|SIGNING)_?KEY/;

/** An address with a password in it, such as a database's. */
const addressWithPassword = /:\/\/[^/?#\s:@]*:[^/?#\s@]+@/;

/**
 * Takes over the variables of a system with a Django application and PostgreSQL, whose database is called as the system
 * unless they say otherwise, and tells where that is.
 */
export function takeDjangoVariables(
  variables: readonly Variable[],
  { system, application, database: { group, password, ...database }, homeOf }: DjangoHomes,
): VariableSettings & { compose: ComposeProject } {
  const values = new Map(variables.map(({ name, value }) => [name, value]));
  const found = takeVariables(system, variables, (name, value) => {
    if (value === "") return nowhere("is empty, which leaves the default in force");
    switch (name) {
      case "POSTGRES_DB":
      case "POSTGRES_USER":
        return isServersOwn(value)
          ? nowhere(`is ${value}, which is the server's own: here both database and user are the application's alone`)
          : setting(`${group}.${name === "POSTGRES_DB" ? "databaseName" : "userName"}`);
      case "DJANGO_SETTINGS_MODULE":
        return setting(`${application}.settingsModule`);
      case "ALLOWED_HOSTS":
      case "DJANGO_ALLOWED_HOSTS":
      case "SIDDATA_ALLOWED_HOSTS":
        return hosts(application, value);
      default:
        return homeOf(name, value) ?? furtherVariable(system, application, name, value);
    }
  });
  const { name } = found.settings;
  return {
    ...found,
    compose: {
      ...(typeof name === "string" && { name }),
      database: {
        ...database,
        server: "PostgreSQL",
        folder: "/var/lib/postgresql/data",
        databaseName: values.get("POSTGRES_DB") ?? system,
        userName: values.get("POSTGRES_USER") ?? system,
        setting: `${system}.${group}.volume`,
        folderSetting: `${system}.${group}.volumeFolder`,
        ownVolume: "db-data",
        image: `${system}.images.db`,
        credentials: {
          databaseName: `${system}.${group}.databaseName`,
          userName: `${system}.${group}.userName`,
          password,
        },
      },
    },
  };
}

function hosts(application: string, value: string): Home {
  const names = value.split(/[\s,]+/).filter((name) => /^\.?[A-Za-z0-9.-]+$/.test(name));
  if (names.length === 0) return nowhere("names no host; an address in brackets and * are none");
  return setting(`${application}.allowedHosts`, () => names);
}

function furtherVariable(system: SystemName, application: string, name: string, value: string): Home {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) {
    return nowhere("is no variable of the application: its name is not of capital letters, digits and _");
  }
  if (secretName.test(name) || addressWithPassword.test(value)) {
    return nowhere(
      `may be a secret, and ${system}.${application}.environment can be read by whoever may use Docker: put it there by hand if it is none`,
    );
  }
  return { path: [application, "environment", name], convert: (value) => value };
}
