import type * as pulumi from "@pulumi/pulumi";

/** What a deployment says of a system when it is up, as a stack output: how to reach it, and how to prove that it answers. */
export interface SystemSummary {
  /** Key of the system in the settings, such as `camcops`. */
  name: string;
  /** The system's own name, such as `CamCOPS`. */
  title: string;
  /** The address that users type. */
  url: string;
  /** How the address is tried from the host: a page that answers 200 without a login. */
  probe: {
    /** Address and port on the host. */
    address: string;
    port: number;
    path: string;
    /** Name that the certificate is verified for. @default plain HTTP */
    serverName?: string;
    /** The only PEM certificate to trust. @default those that Node trusts */
    certificatePem?: pulumi.Input<string>;
  };
  /** The first user. @default nobody logs in */
  superuser?: string;
  /** Name of the stack output that holds the first user's password. */
  passwordOutput?: string;
  /** Whether that password holds for the user's creation only: a changed one is not carried out. @default no */
  passwordIsInitial?: true;
}
