import { Guest } from "./pyodide_guest.js";
import { serve } from "./serving.js";

serve(Guest);
