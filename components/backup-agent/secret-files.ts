/** Secrets, which reach the agent as files and in no other way. */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { checkValue, derived, wrongArgument } from "../shared/check";
import type { BackupAgentArgs } from "./args";

/** Where Docker mounts the secrets of a service. */
export const secretFolder = "/run/secrets";

/** In the form of the AWS SDK's own file; its name cannot be that of another secret. */
export const credentialsName = "s3-credentials";

const SecretName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,60}$/, "must be letters, digits, '_', '.', '-', at most 61");

/** The message must not show any of it. */
const SecretText = z.string("must be a text").min(1, "must not be empty");
const OneLine = z
  .string("must be a text")
  .min(1, "must not be empty")
  .regex(/^[^\s\0]*$/, "must not contain a space or a line break");

/** Contents by the names of their files. */
export function secretFiles(
  { secrets = {}, s3Credentials }: BackupAgentArgs,
  resource: pulumi.ComponentResource,
): Record<string, pulumi.Output<string>> {
  // Each is a resource on a swarm, and what is declared must not depend on what is known only later.
  if (pulumi.Output.isInstance(secrets))
    throw wrongArgument("secrets: must be an object; only its values may be outputs", resource);
  const files = Object.entries(secrets).map(([name, content]) => {
    checkValue(SecretName, name, ["secrets", name], resource);
    if (name === credentialsName)
      throw wrongArgument(`secrets.${name}: give s3Credentials instead, which has this file`, resource);
    void derived(content, (known) => {
      checkValue(SecretText, known, ["secrets", name], resource);
    });
    return [name, pulumi.secret(content)] as const;
  });
  if (s3Credentials === undefined) return Object.fromEntries(files);
  const credentials = pulumi.secret(s3Credentials).apply((known) => {
    const lines = [
      ["aws_access_key_id", "accessKeyId"],
      ["aws_secret_access_key", "secretAccessKey"],
      ["aws_session_token", "sessionToken"],
    ] as const;
    const given = lines.flatMap(([key, argument]) => {
      const value = known[argument];
      if (value === undefined && argument === "sessionToken") return [];
      checkValue(OneLine, value, ["s3Credentials", argument], resource);
      return [`${key} = ${value ?? ""}\n`];
    });
    return `[default]\n${given.join("")}`;
  });
  return Object.fromEntries([...files, [credentialsName, credentials]]);
}
