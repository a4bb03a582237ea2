import './notice.css';
import './data.css';
