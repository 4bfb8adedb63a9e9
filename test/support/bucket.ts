/** A bucket of a test's own, read back with a plain client. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  type MultipartUpload,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import pMap from "p-map";
import { filesOf } from "./damage";
import { uniqueName } from "./resources";
import { runRunner } from "./runner";
import type { S3Server } from "./s3-server";

export class TestBucket {
  constructor(
    readonly server: S3Server,
    readonly name: string,
  ) {}

  static async create(server: S3Server, { locks = false } = {}): Promise<TestBucket> {
    const name = uniqueName();
    await server.client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: locks }));
    return new TestBucket(server, name);
  }

  /** What the command line is told to find the bucket. */
  place(prefix = "gis"): string[] {
    return ["--repository", this.url(prefix), ...this.server.options];
  }

  url(prefix = "gis"): string {
    return `s3://${this.name}/${prefix}`;
  }

  /** Runs the command line there, as a user who may do everything unless others are given. */
  run(verb: string, args: readonly string[], env = this.server.environment) {
    return runRunner([verb, ...this.place(), ...args], env);
  }

  async keys(): Promise<string[]> {
    const { Contents = [] } = await this.server.client.send(new ListObjectsV2Command({ Bucket: this.name }));
    return Contents.map(({ Key = "" }) => Key);
  }

  async content(key: string): Promise<Buffer> {
    const { Body } = await this.server.client.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async put(key: string, content: string | Buffer = ""): Promise<void> {
    await this.server.client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: content }));
  }

  async delete(key: string): Promise<void> {
    await this.server.client.send(new DeleteObjectCommand({ Bucket: this.name, Key: key }));
  }

  /** Puts a backup's folder there, under a prefix and the names that it has. */
  async putBackup(folder: string, prefix = "gis"): Promise<string> {
    const backup = [prefix, path.basename(path.dirname(folder)), path.basename(folder)].join("/");
    const put = async (file: string) =>
      this.put(`${backup}/${file}`, await readFile(path.join(folder, file)));
    await pMap(await filesOf(folder), put, { concurrency: 16 });
    return backup;
  }

  /** Keys of multipart uploads that were neither completed nor aborted. */
  async openUploads(): Promise<string[]> {
    return (await this.uploads()).map(({ Key = "" }) => Key);
  }

  /** How many parts the server has of those. */
  async uploadedParts(): Promise<number> {
    let count = 0;
    for (const { Key, UploadId } of await this.uploads()) {
      const list = new ListPartsCommand({ Bucket: this.name, Key, UploadId });
      count += (await this.server.client.send(list)).Parts?.length ?? 0;
    }
    return count;
  }

  private async uploads(): Promise<MultipartUpload[]> {
    const list = new ListMultipartUploadsCommand({ Bucket: this.name });
    return (await this.server.client.send(list)).Uploads ?? [];
  }
}
