import type { Environment } from "../settings/environment.ts";
import type { Variable, VariablesFile } from "./variables-file.ts";

/** Something of an existing installation, such as a variable, and the setting or secret that holds it now. */
export interface Taken {
  /** Such as `CAMCOPS_DOCKER_FLOWER_HOST_PORT` or `[site] LANGUAGE`. */
  source: string;
  /** The key in the stack's file, such as `camcops.flower.hostPort`. */
  setting: string;
}

/** Something of an existing installation that is not taken over. */
export interface Left {
  source: string;
  /** Why, as a sentence without a full stop. Holds nothing secret. */
  reason: string;
}

/** A key of the installation's own configuration that will not be what it was. */
export interface Difference {
  source: string;
  /** The former value without secrets; undefined: it was not there. */
  before: string | undefined;
  /** The value to come without secrets. */
  after: string;
  /** Why, as a sentence without a full stop. */
  reason: string;
}

/** The Docker Compose project of an existing installation. */
export interface ComposeProject {
  /** Docker Compose's name for it. Undefined: the variables do not tell, and its containers, or else its folder, do. */
  name?: string;
  /** The database's service; absent when the database is elsewhere. */
  database?: ComposeDatabase;
  /** The message broker's service, whose volume stays behind. */
  broker?: ComposeVolume;
}

/** A service with a volume in a Docker Compose file. */
export interface ComposeVolume {
  service: string;
  /** Where the container has the data. A variable PGDATA of the container goes before it. */
  folder: string;
  /** The volume's name in the Compose file. Undefined: only the container leads to it. */
  volume?: string;
}

/** The service of a database in a Docker Compose file, and the settings that take it over. */
export interface ComposeDatabase extends ComposeVolume {
  /** The family of the server that the stack runs unless its image is set. */
  server: "MariaDB" | "PostgreSQL";
  /** The service's names in other versions of the Compose file. @default none */
  otherServices?: readonly string[];
  /** By the variables. */
  databaseName: string;
  /** Who dumps it: by the variables, the application's user, or root. */
  userName: string;
  /** The setting that takes the volume. */
  setting: string;
  /** The setting that takes the folder of the data within the volume. @default they have to be at its top */
  folderSetting?: string;
  /** What follows the system's name in the name of the volume that the stack makes itself, such as `db-data`. */
  ownVolume: string;
  /** The setting of its image. */
  image: string;
  /**
   * The settings and the secret that take what its container was told by variables of PostgreSQL's official image, where
   * there is one. @default it is not looked at
   */
  credentials?: { databaseName: string; userName: string; password: string };
}

/** What was found in an existing installation, as a stack's settings. */
export interface ImportedSystem {
  /** The system's settings; may be invalid, as the installation's may be. */
  settings: Record<string, unknown>;
  /** The secrets by their flat keys; a group of secrets as an object of its own. */
  secrets: Record<string, unknown>;
  /** The environment that the installation is of. Undefined: it does not tell. */
  environment?: Environment;
  taken: Taken[];
  left: Left[];
  differences: Difference[];
  /** What somebody should know, each a sentence. */
  remarks: string[];
  compose: ComposeProject;
}

/** An existing installation, as it is read. */
export interface ExistingInstallation {
  variables: readonly Variable[];
  /** The text of its own configuration file. @default it is not at hand, and only the variables are taken over */
  configText?: string | undefined;
  /** @default now */
  now?: Date;
}

/** How a system takes an existing installation over. */
export interface Importer {
  /** The system's own name, such as `CamCOPS`. */
  title: string;
  /** A line of an installation's settings file. */
  example: string;
  /** Reads a settings file, given variables that are set beforehand. Executes nothing. */
  parse: (text: string, environment: Readonly<Record<string, string>>) => VariablesFile;
  /** Whether the system's documentation knows a variable; others may know it too. */
  isVariable: (name: string) => boolean;
  /** Where the installation's configuration file is by its variables; undefined where they do not tell. */
  configFile: (variables: readonly Variable[]) => string | undefined;
  /** Finds the settings of a stack that is equal to the installation. Changes nothing. */
  read: (installation: ExistingInstallation) => Promise<ImportedSystem>;
}
