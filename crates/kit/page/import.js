// The import view: files from this device, and folders that the server itself can read.

import * as api from "./api.js";
import { createChoices } from "./choices.js";
import { $, acceptDrops, bytes, el, isAbort, plural, showProblem } from "./dom.js";
import { jobBox, outcome, passedOver, progressBox, skipList, warningList } from "./jobs.js";
import { droppedFiles, upload } from "./upload.js";

const JOBS_SHOWN = 5;

export function create(section, app) {
  const { info, renderer } = app;
  let uploading = null;
  let following = null;
  const options = $("import-options");
  const choices = createChoices(info.import_options, [options, options], undefined, "import");
  $("import-choices").hidden = info.import_options.length === 0;

  async function take(files) {
    if (uploading) return;
    const wanted = files.filter(({ name }) => renderer.files.test(name));
    const others = countKinds(files.filter(({ name }) => !renderer.files.test(name)));
    uploading = new AbortController();
    const { signal } = uploading;
    setBusy(true);
    const box = progressBox(plural(wanted.length, "file", "files"), () => uploading.abort());
    $("upload-report").replaceChildren(box.node);
    const onProgress = (report) => box.update(account(report, others, "Uploading"));
    const label = $("upload-label").value.trim();
    const parts = { ...choices.values, ...(label && { label }) };
    const report = await upload(wanted, { parts, limit: info.max_upload_bytes, signal, onProgress });
    box.update(account(report, others, signal.aborted ? "Stopped" : "Done"));
    uploading = null;
    setBusy(false);
    if (report.added + report.replaced) await app.changed();
  }

  function setBusy(busy) {
    for (const id of ["upload-file", "upload-folder", "upload-label"]) $(id).disabled = busy;
    $("upload-drop").classList.toggle("busy", busy);
  }

  function account(report, others, head) {
    const isOver = head !== "Uploading";
    const more = [passedOver(others), isOver && skipList(report.skips), isOver && warningList(report.warnings)];
    return { head, progress: report, text: outcome({ ...report, skipped: report.skips.length }), isOver, more };
  }

  function wireUpload() {
    $("upload-file").accept = renderer.accept;
    $("upload-hint").textContent = `${renderer.formats}, up to ${bytes(info.max_upload_bytes)} each`;
    for (const id of ["upload-file", "upload-folder"]) {
      $(id).onchange = ({ target }) => {
        take([...target.files]);
        target.value = "";
      };
    }
    acceptDrops(section, $("upload-drop"), async (data) => take(await droppedFiles(data)));
  }

  function follow(job, isNew) {
    const box = jobBox(job, following.signal, () => app.changed());
    if (isNew) $("import-jobs").prepend(box);
    else $("import-jobs").append(box);
  }

  function wireServerImport() {
    $("server-import").hidden = info.import_roots.length === 0;
    $("server-path").value = info.import_roots[0] ?? "";
    $("server-roots").replaceChildren(...info.import_roots.map((root) => el("option", { value: root })));
    $("server-roots-hint").textContent = `The server may read what is below ${info.import_roots.join(", ")}.`;
    $("server-import-form").onsubmit = async (event) => {
      event.preventDefault();
      showProblem($("server-import-error"), null);
      try {
        const place = { path: $("server-path").value.trim(), prune: $("server-prune").checked, allow_empty: $("server-allow-empty").checked };
        follow(await api.startImport({ ...place, options: choices.values }), true);
      } catch (error) {
        if (!error.isOffline) showProblem($("server-import-error"), error);
      }
    };
  }

  async function showJobs() {
    following?.abort();
    following = new AbortController();
    try {
      const jobs = (await api.jobs(following.signal)).filter(({ kind }) => kind === "import");
      jobs.sort((a, b) => b.created_at - a.created_at);
      $("import-jobs").replaceChildren();
      jobs.slice(0, JOBS_SHOWN).forEach((job) => follow(job, false));
    } catch (error) {
      if (!isAbort(error) && error.status) showProblem($("server-import-error"), error);
    }
  }

  wireUpload();
  wireServerImport();
  const show = () => info.import_roots.length && showJobs();
  // A stream is a connection, of which a browser has few; the jobs are listed again when the view is.
  return { show, hide: () => following?.abort() };
}

/** How many files there are of each kind, told by their extensions. */
function countKinds(files) {
  const kinds = {};
  for (const { name } of files) {
    const kind = /\.[^.]{1,12}$/.exec(name)?.[0].toLowerCase() ?? "no extension";
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}
