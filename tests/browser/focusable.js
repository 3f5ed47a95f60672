// Names of what the keyboard has to reach, in the order of the page.
[...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
  .filter((element) => element.checkVisibility())
  .map((element) => element.getAttribute('aria-label') || element.innerText.trim())
