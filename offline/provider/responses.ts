import { CheckFailure, CheckResponse, DiffResponse, PropertyDiff } from "@pulumi/pulumi/proto/provider_pb";
import type { Change, CheckResult, Diff } from "./provider";
import { toStruct } from "./value";

export function checkResponse(result: CheckResult): CheckResponse {
  const response = new CheckResponse();
  response.setInputs(toStruct(result.inputs));
  response.setFailuresList(
    result.failures.map(({ property, reason }) => {
      const failure = new CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

function kindOf({ kind, replace }: Change): PropertyDiff.Kind {
  switch (kind) {
    case "add":
      return replace ? PropertyDiff.Kind.ADD_REPLACE : PropertyDiff.Kind.ADD;
    case "delete":
      return replace ? PropertyDiff.Kind.DELETE_REPLACE : PropertyDiff.Kind.DELETE;
    case "update":
      return replace ? PropertyDiff.Kind.UPDATE_REPLACE : PropertyDiff.Kind.UPDATE;
  }
}

function topLevel(changes: Change[]): string[] {
  return [...new Set(changes.map(({ path }) => path.split(/[.[]/, 1)[0] ?? path))];
}

export function diffResponse(diff: Diff): DiffResponse {
  const response = new DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = DiffResponse.DiffChanges;
  response.setChanges(diff.changes.length === 0 ? DIFF_NONE : DIFF_SOME);
  response.setDiffsList(topLevel(diff.changes));
  response.setReplacesList(topLevel(diff.changes.filter(({ replace }) => replace)));
  response.setDeletebeforereplace(diff.deleteBeforeReplace);
  response.setHasdetaileddiff(true);
  for (const change of diff.changes) {
    const detail = new PropertyDiff();
    detail.setKind(kindOf(change));
    response.getDetaileddiffMap().set(change.path, detail);
  }
  return response;
}
