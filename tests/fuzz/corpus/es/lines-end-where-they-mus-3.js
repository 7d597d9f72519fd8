Mvar a = 1
;[1].forEach((x) => out(x))