 if (a) /re'/.test(b); a = b / c / d; x = { let: 1, const: 2 }; a.let = 1 // `
/* 
 * */ for (let i = 0, n; i < 1; i++) x()
let q = function (a, b) { let c  }
