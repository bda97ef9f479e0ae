// From the file system browsers start no worker: the search's runs in a frame of the page, which hears and tells by events.
"use strict";
(() => {
  class FrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.IFrameWorker = FrameWorker;
      inside.postMessage = (data) => this.#tell("message", { data: structuredClone(data) });
      inside.importScripts = (...urls) => urls.reduce((before, one) => before.then(() => this.#load(one)), Promise.resolve());
      this.ready = this.#load(url);
    }

    postMessage(data) {
      const event = { data: structuredClone(data) };
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", event)));
    }

    terminate() {
      this.frame.remove();
    }

    #load(url) {
      const script = this.frame.contentDocument.createElement("script");
      script.src = new URL(url, document.baseURI);
      return new Promise((loaded, failed) => {
        script.onload = loaded;
        script.onerror = failed;
        this.frame.contentDocument.body.append(script);
      });
    }

    #tell(kind, options) {
      const event = new MessageEvent(kind, options);
      this.dispatchEvent(event);
      this[`on${kind}`]?.(event);
    }
  }

  window.IFrameWorker = FrameWorker;
  if (location.protocol === "file:") window.Worker = FrameWorker;
})();
