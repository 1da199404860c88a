"use strict";
// The button beside a new key. A page over plain http has no `navigator.clipboard`.
{
    const field = document.getElementById("irontoken-key");
    const button = document.getElementById("irontoken-copy");

    const select = () => {
        field.focus();
        field.select();
    };

    const copy = async () => {
        try {
            await navigator.clipboard.writeText(field.value);
            return true;
        } catch {
            select();
            return document.execCommand("copy");
        }
    };

    field.addEventListener("focus", () => field.select());
    button.addEventListener("click", async () => {
        if (await copy()) {
            button.textContent = button.dataset.copied;
        } else {
            select();
        }
    });
}
